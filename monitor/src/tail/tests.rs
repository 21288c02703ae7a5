mod finding;
mod growth;
mod identity;
mod watching;
