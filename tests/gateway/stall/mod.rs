//! Nothing stalls everybody: not who doesn't read the log, not who asks the operator's listener for
//! too much, not a thread that hangs, not a lack of descriptors, not a clock that is set.

mod admin;
mod clock;
mod descriptors;
mod hang;
mod log;
