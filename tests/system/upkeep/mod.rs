//! What keeps a server from losing what it has: copies and stores made from them, monitors that are asked for their
//! history, and the doctor; on both kinds of store.

mod backup;
mod doctor;
mod history;
mod killed;
mod restore;
mod scheduled;
mod site;

use site::Site;
