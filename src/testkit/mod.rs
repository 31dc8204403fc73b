//! For tests of your own: an environment in virtual time, and what has to hold whatever happens.
