//! The JMAP server through real sockets.

#[cfg(test)]
mod blobs;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod home;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod push;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod snippets;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod submissions;
#[cfg(test)]
mod writing;
