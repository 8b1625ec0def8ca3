# ruff: noqa: F401
# The cases are expressions, one a line.
"""Comparing results, and what the errors say."""

import numpy as np
import torch

CASES = r"""
T([1.,2.]), T([1.,2.])
T([1.,2.]), T([1.,2.1])
T([1.,2.,3.]), T([1.,5.,9.])
T([[1.,2.],[3.,4.]]), T([[1.,2.],[3.,4.5]])
T([1.,2.]), T([1.,2.,3.])
T([1.,2.]), T([1,2])
T([1.,2.]), T([1,2]), dict(check_dtype=False)
T([1,2]), T([1,3])
T([1,2]), T([1,3]), dict(rtol=0,atol=1)
T([True,False]), T([True,True])
T([float('nan')]), T([float('nan')])
T([float('nan')]), T([float('nan')]), dict(equal_nan=True)
T([float('inf')]), T([float('inf')])
T([float('inf')]), T([-float('inf')])
T(3.), T(3.1)
T(3.), 3.
T([1.]), 1.
1., 1.
1., 1.1
1, 1
1, 2
1, 1.
1, 1., dict(check_dtype=False)
True, True
True, False
None, None
None, 1
'a', 'a'
[1,2], [1,2]
[1,2], [1,3]
[1,2], [1,2,3]
[1,2], (1,2)
{'a':1}, {'a':1}
{'a':1}, {'b':1}
{'a':T([1.,2.])}, {'a':T([1.,3.])}
[T([1.]),[T([2.]),T([3.])]], [T([1.]),[T([2.]),T([4.])]]
T([1.]), T([1.05]), dict(rtol=0.1,atol=0)
T([1.]), T([1.05]), dict(rtol=0.1)
T([1.]), T([1.05]), dict(atol=0.1)
T([1.]), T([1.05]), dict(rtol=0.01,atol=0.01)
T([1.]), T([2.]), dict(msg='custom')
T([1.]), T([2.]), dict(msg=lambda m:'Header\n\n'+m)
T([1.],dtype=torch.float64), T([1.+1e-6],dtype=torch.float64)
T([1.]), T([1.+1e-6])
T([1.],dtype=torch.float64), T([1.+1e-8],dtype=torch.float64)
T([1.]).half(), T([1.001]).half()
T([[1.,2.]]), T([[1.,2.]]).t().contiguous().t(), dict(check_stride=True)
T([1.,2.,3.,4.]).reshape(2,2), T([1.,3.,2.,4.]).reshape(2,2).t(), dict(check_stride=True)
torch.empty(0), torch.empty(0)
torch.zeros(2,3,4), torch.zeros(2,3,4)+T([0.,0.,0.,1.])
1+2j, 1+2j
1+2j, 1+3j
float('nan'), float('nan')
float('nan'), float('nan'), dict(equal_nan=True)
np.array([1.,2.]), np.array([1.,2.])
np.array([1.,2.]), np.array([1.,3.])
np.array([1.,2.]), T([1.,2.])
T([10,20]), T([10,21]), dict(rtol=0.001,atol=0.)
T([0.,1e-9]), T([0.,0.])
T([]), T([])
np.float32(1), np.float32(1)
"""
T = torch.tensor

for line in CASES.strip().splitlines():
    actual, expected, *rest = eval(f"({line},)")
    try:
        torch.testing.assert_close(actual, expected, **(rest[0] if rest else {}))
        print(line, "-> close")
    except Exception as error:
        print(line, "->", type(error).__name__, repr(str(error)))
