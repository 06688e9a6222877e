//! No single fault stalls all clients: an unread log, too many requests to the admin listener, a thread
//! that hangs, a lack of descriptors, a clock that is set.

mod admin;
mod clock;
mod descriptors;
mod hang;
mod log;
