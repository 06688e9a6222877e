//! Sockets that a supervisor opened before it started the gateway, as systemd's socket units do
//! (sd_listen_fds(3)).

use crate::common::gateway::Gateway;
use crate::common::process;
use crate::common::{plain_http, tools, wait};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Opens sockets at these addresses, of which one was the gateway's before, says where, and becomes a program that has them.
const SUPERVISOR: &str = "\
import os, socket, sys
end = sys.argv.index('--')
sockets = [socket.create_server((host, 0)) for host in sys.argv[1:end]]
assert [one.fileno() for one in sockets] == list(range(3, 3 + len(sockets)))
for one in sockets:
    os.set_inheritable(one.fileno(), True)
    print('passed %s:%d' % one.getsockname(), file=sys.stderr, flush=True)
names = ':'.join('harbormouth' if host == '127.0.0.8' else 'a.socket' for host in sys.argv[1:end])
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=names)
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
";

/// The same with a file where a socket should be.
const WRONG: &str = "\
import os, sys
os.dup2(os.open('/dev/null', os.O_RDONLY), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')
os.execv(sys.argv[1], sys.argv[1:])
";

const CONFIGURATION: &str = "\
listeners: [ { address: 127.0.0.1:0 }, { address: 127.0.0.2:0 } ]
admin: { address: 127.0.0.1:0 }
registries:
  - name: hq
    public: [ http://hub.example.com ]
    upstream: { endpoints: [ http://127.0.0.1:9 ] }
";

fn python() -> String {
    tools::path("python3").display().to_string()
}

fn serves(address: SocketAddr) {
    let answer = plain_http::ask(address, "GET", "/healthz", &[]);
    assert_eq!(answer.status, 200, "{address}: {}", answer.body);
}

#[test]
fn a_listener_has_the_socket_with_its_address() {
    let words = [
        "-c",
        SUPERVISOR,
        "127.0.0.2",
        "127.0.0.9",
        "127.0.0.8",
        "127.0.0.1",
        "127.0.0.1",
        "--",
    ];
    let words = words.iter().map(|word| (*word).to_owned());
    let within: Vec<String> = std::iter::once(python()).chain(words).collect();
    let gateway = Gateway::within(&within, CONFIGURATION);
    let said = gateway.stderr();
    let passed: Vec<SocketAddr> = said
        .lines()
        .filter_map(|line| line.strip_prefix("passed ")?.parse().ok())
        .collect();
    let [second, nobodys, former, first, admin] = passed[..] else {
        panic!("{said}");
    };
    assert_eq!(gateway.http, [first, second]);
    assert_eq!(gateway.admin, Some(admin));
    gateway.http.iter().for_each(|address| serves(*address));
    let warning = format!(
        "LISTEN_FDS: the socket {nobodys} was passed, and no listener has this address: nobody \
         answers there. The listeners are 127.0.0.1:0, 127.0.0.2:0, 127.0.0.1:0"
    );
    let word = format!("{former} is no listener's any more, and is closed\n");
    wait::until("a warning", PATIENCE, || {
        let said = gateway.stderr();
        (said.contains(&warning) && said.contains(&word)).then_some(())
    });
    for address in [nobodys, former] {
        assert!(TcpStream::connect(address).is_err(), "{address} is closed");
    }

    // They are the next process's as well, which nobody passed any to.
    process::signal("USR2", gateway.pid());
    wait::until("another process", PATIENCE, || {
        gateway.successors().first().copied()
    });
    wait::until("the end of the first", PATIENCE, || {
        (!process::is_running(gateway.pid())).then_some(())
    });
    gateway.http.iter().for_each(|address| serves(*address));
    assert_eq!(gateway.stderr().matches("LISTEN_FDS").count(), 1);
}

#[test]
fn what_is_no_socket_is_an_error() {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("harbormouth.yaml");
    std::fs::write(&file, CONFIGURATION).expect("the configuration");
    let mut command = std::process::Command::new(python());
    command
        .args(["-c", WRONG])
        .arg(Gateway::command().get_program());
    command.args(["serve", "--config"]).arg(&file);
    let ended = process::run(command, PATIENCE);
    assert_eq!(ended.status.and_then(|status| status.code()), Some(1));
    let expected = "error: LISTEN_FDS: descriptor number 1 of those that were passed is no listening \
                    TCP socket: fd 3 is not a socket\n";
    assert_eq!(ended.stderr, expected);
}
