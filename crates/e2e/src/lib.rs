//! Scenarios through real sockets and real programs.
