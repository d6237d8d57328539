//! Client halves and scripted peers for the tests.
