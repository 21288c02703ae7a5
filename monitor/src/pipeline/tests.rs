mod again;
mod delivery;
mod history;
mod log;
mod rig;
mod waiting;
mod watching;
