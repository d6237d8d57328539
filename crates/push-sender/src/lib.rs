//! Posts push messages to push services, safely and in bounded resources.
