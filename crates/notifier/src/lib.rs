//! Finds the push subscriptions that are due and has them told what changed.
