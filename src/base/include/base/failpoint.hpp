#pragma once

/// Fail points: named places where tests/faults kills the process, once before and once
/// after each durable point. Compiled in only with MR_FAIL_POINTS; nothing otherwise.
///
/// MILLRACE_FAILPOINT="name:kill:N" kills at the N-th hit (SIGKILL to itself);
/// "name:error:N" makes `if (MR_FAIL_POINT_ERROR("name")) …` true at the N-th hit, once;
/// "name:sleep:MS" waits at each hit. MILLRACE_FAILPOINT_TRACE=FILE appends each name
/// once when first hit.
namespace millrace {
void HitFailPoint(const char* name);
/// True at the N-th hit of a point armed with "error".
bool HitFailPointError(const char* name);
}  // namespace millrace

#ifdef MR_FAIL_POINTS
#define MR_FAIL_POINT(name) ::millrace::HitFailPoint(name)
#define MR_FAIL_POINT_ERROR(name) ::millrace::HitFailPointError(name)
#else
#define MR_FAIL_POINT(name) static_cast<void>(0)
#define MR_FAIL_POINT_ERROR(name) false
#endif
