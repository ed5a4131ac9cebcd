#pragma once

namespace millrace::app {

/// Takes as many file descriptors as the system allows this process: the soft limit is
/// often 1,024, and each connection needs one. Where that fails, all stays as it is.
void RaiseDescriptorLimit();

}  // namespace millrace::app
