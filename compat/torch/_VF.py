"""torch._VF: the functions of torch that torch.nn.modules.rnn calls."""

from oneflow_mock.compat.aten.recurrent import gru, lstm, rnn_relu, rnn_tanh

__all__ = ["gru", "lstm", "rnn_relu", "rnn_tanh"]
