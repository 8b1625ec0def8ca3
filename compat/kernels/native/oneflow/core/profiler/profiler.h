// In place of a header that the wheel lacks and op_expr_grad_function.h includes: no profiling.
#ifndef OFM_PROFILER_H_
#define OFM_PROFILER_H_

#define OF_PROFILER_RANGE_PUSH(name)
#define OF_PROFILER_RANGE_POP()
#define OF_PROFILER_RANGE_GUARD(name)

#endif  // OFM_PROFILER_H_
