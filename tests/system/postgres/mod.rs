//! Servers on `PostgreSQL`: several of them, a network that fails between them and the database, and a database that
//! dies. What was acknowledged is stored, whatever happens; planted bugs show that the checks see what is lost.

mod adopted;
mod balancer;
mod batches;
mod beside;
mod front;
mod full;
mod leaving;
mod migrations;
mod network;
mod notifications;
mod oldest;
mod out_of_log;
mod platform;
mod refusals;
mod replica;
mod replicas;
mod storms;
mod tls;
