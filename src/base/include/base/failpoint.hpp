#pragma once

/// Fail points: named places where tests/faults kills the process, once before and once
/// after each durable point. Compiled in only with MR_FAIL_POINTS; nothing otherwise.
///
/// MILLRACE_FAILPOINT="name:kill:N" kills at the N-th hit (SIGKILL to itself);
/// "name:error:N" makes MR_FAIL_POINT_ERROR fail once; "name:sleep:MS" waits at each hit.
/// MILLRACE_FAILPOINT_TRACE=FILE appends each name once when first hit.
namespace millrace {
void HitFailPoint(const char* name);
}

#ifdef MR_FAIL_POINTS
#define MR_FAIL_POINT(name) ::millrace::HitFailPoint(name)
#else
#define MR_FAIL_POINT(name) static_cast<void>(0)
#endif
