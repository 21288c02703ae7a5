mod delivery;
mod rig;
mod watching;
