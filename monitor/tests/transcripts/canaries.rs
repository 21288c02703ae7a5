//! Nothing of a transcript's text gets out: neither in events nor in what is kept beside them.
