//! The gateway's own sockets, as the kernel has them: looked at through the running process.

use super::setup;
use crate::client::{request, with_length};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::until;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::SockRef;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Copies of the process's connected TCP sockets.
fn sockets(pid: u32) -> Vec<OwnedFd> {
    let of = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    let process = pidfd_open(of, PidfdFlags::empty()).expect("the process");
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
    let numbers = entries.flatten().filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let is_socket = target.to_string_lossy().starts_with("socket:");
        is_socket.then(|| entry.file_name().to_string_lossy().parse().ok())?
    });
    numbers
        .filter_map(|number| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok())
        .filter(|socket| peer(socket).is_some())
        .collect()
}

fn peer(socket: &OwnedFd) -> Option<SocketAddr> {
    SockRef::from(socket).peer_addr().ok()?.as_socket()
}

/// 60 s of silence, then a probe every 15 s, four in all: below the idle time of every balancer.
#[tokio::test]
async fn both_sides_are_kept_alive_by_tcp() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("late").pause(Duration::from_secs(20))).await;
    let world = setup(harbor.url(), "connections: 100").start();
    let mut plain = world.http().await;
    let mut tls = world.https().await;
    plain
        .write(request("GET", "/v2/", &[], b""))
        .await
        .expect("write");
    let path = "/v2/lab/app/blobs/uploads/1?_state=x";
    tls.write(with_length("PATCH", path, &[], b"x"))
        .await
        .expect("write");
    until("both at Harbor", || (harbor.got().len() == 2).then_some(())).await;
    let listeners = [world.plain().port(), world.tls().port()];
    let (mut clients, mut upstream) = (0, 0);
    for socket in sockets(world.gateway.pid()) {
        let local = SockRef::from(&socket).local_addr().expect("an address");
        let local = local.as_socket().expect("an address").port();
        let is_upstream = peer(&socket).is_some_and(|peer| peer == harbor.address);
        match (listeners.contains(&local), is_upstream) {
            (true, _) => clients += 1,
            (false, true) => upstream += 1,
            // The admin listener's.
            (false, false) => continue,
        }
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().expect("an option"));
        let time = socket.tcp_keepalive_time().expect("an option");
        let interval = socket.tcp_keepalive_interval().expect("an option");
        let probes = socket.tcp_keepalive_retries().expect("an option");
        assert_eq!((time.as_secs(), interval.as_secs(), probes), (60, 15, 4));
    }
    assert_eq!((clients, upstream), (2, 2));
}
