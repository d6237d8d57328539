//! A user agent for desktops, gateways and tests.
