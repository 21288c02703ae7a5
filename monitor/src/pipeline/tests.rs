mod again;
mod delivery;
mod rig;
mod waiting;
mod watching;
