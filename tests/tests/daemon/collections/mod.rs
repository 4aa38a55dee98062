//! Collections: four processes that negotiate one set of buffers, on a bus and on private sockets,
//! and those who would spoil it.

mod course;
mod hostile;
mod process;
