//! Nothing stalls everybody: not who doesn't read the log, not who asks the operator's listener for
//! too much, not a thread that hangs.

mod log;
