//! A machine of the tests' own: the binary runs itself again inside private namespaces, so that
//! names can be invented, ports 80 and 443 are free, nothing reaches the internet, and nothing
//! outlives the run. The machine's own files, addresses and processes are never touched.
//!
//! Inside, `198.18.0.0/16` is where the world finds its registries and `198.19.0.0/16` is the
//! network behind the edge; both are for tests of networks (RFC 2544), on the namespace's loopback
//! device. They aren't `127.0.0.0/8` because dockerd takes registries there for insecure.

use crate::common::{process, tools};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

const INSIDE: &str = "HARBORMOUTH_TESTS_DIRECTORY";

/// How many sites there are. Written before the first program starts, because Go's
/// resolver doesn't look at a changed hosts file for five seconds.
pub const SITES: u16 = 1000;

pub enum Place {
    /// The run is over; this is its result.
    Outside(ExitCode),
    /// In the namespaces, with a directory for everything that the run writes.
    Inside(PathBuf),
}

/// The public name with this number.
pub fn public_name(number: u16) -> String {
    format!("hub{number}.example.test")
}

/// Another name for the same address.
pub fn second_name(number: u16) -> String {
    format!("hub{number}.other.test")
}

/// A name that points to [`public_address`] and to [`inner_address`].
pub fn double_name(number: u16) -> String {
    format!("hub{number}.double.test")
}

/// Where [`public_name`] and [`second_name`] point.
pub fn public_address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low)
}

/// An address behind the edge. Of the names, only [`double_name`] points there.
pub fn inner_address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 19, high, low)
}

/// Goes inside, or, called inside, says so.
pub fn enter() -> Place {
    match std::env::var_os(INSIDE) {
        Some(directory) => Place::Inside(PathBuf::from(directory)),
        None => Place::Outside(run_inside()),
    }
}

/// Brings the network up, puts the files of names in place and becomes the tests.
const SETUP: &str = r#"
set -e
PATH="$PATH:/usr/sbin:/sbin"
ip link set lo up
ip address add 198.18.0.1/16 dev lo
ip address add 198.19.0.1/16 dev lo
# What a program that was killed leaves in shared memory.
mount -t tmpfs tmpfs /dev/shm
cd "$HARBORMOUTH_TESTS_DIRECTORY"
# Over the directory, not over the files: a mount over a file is gone when somebody outside replaces
# that file by another.
mkdir etc
mount -t tmpfs tmpfs etc
mkdir etc/upper etc/work
if mount -t overlay -o "lowerdir=/etc,upperdir=$PWD/etc/upper,workdir=$PWD/etc/work" overlay /etc
then
    cp --remove-destination hosts resolv.conf /etc/
else
    mount --bind hosts /etc/hosts
    mount --bind resolv.conf /etc/resolv.conf
fi
cd "$OLDPWD"
exec "$@"
"#;

fn run_inside() -> ExitCode {
    tools::require(&["unshare", "setpriv", "setsid", "ip", "mount"]);
    assert!(
        is_root(),
        "these tests need root: they run in namespaces of their own (unshare)"
    );
    let directory = tempfile::Builder::new()
        .prefix("harbormouth-real-")
        .tempdir()
        .expect("a directory for the run");
    write_names(directory.path());
    let mut janitor = start_janitor(directory.path());
    // --kill-child and the pid namespace: when this process or unshare dies, everything inside
    // does, whatever it was doing.
    let status = Command::new(tools::path("setpriv"))
        .args([
            "--pdeathsig",
            "KILL",
            "--",
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
        ])
        .args(["--kill-child", "--mount-proc", "--propagation", "private"])
        .args(["sh", "-c", SETUP, "sh"])
        .arg(std::env::current_exe().expect("this binary's path"))
        .args(std::env::args_os().skip(1))
        .env(INSIDE, directory.path())
        .status()
        .expect("run unshare");
    // The janitor's signal to begin, also when this line is never reached.
    drop(janitor.stdin.take());
    janitor.wait().expect("wait for the janitor");
    match status.code() {
        Some(0) => ExitCode::SUCCESS,
        // The tests' own result (libtest's code for failures).
        Some(101) => ExitCode::from(101),
        Some(code) => {
            eprintln!(
                "the tests' namespaces couldn't be set up: they need root with CAP_SYS_ADMIN; in \
                 a container, a privileged one"
            );
            ExitCode::from(u8::try_from(code).unwrap_or(101))
        }
        None => ExitCode::from(101),
    }
}

/// Removes the run's directory when this process is gone, however it went: its end of the pipe
/// closes then. The kernel may need a moment to end what still writes there.
const JANITOR: &str = r#"
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$1" 2>/dev/null && exit
    sleep 1
done
"#;

fn start_janitor(directory: &Path) -> Child {
    // A session of its own: an interrupt at the terminal is not for it.
    Command::new("setsid")
        .args(["sh", "-c", JANITOR, "sh"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("run setsid")
}

fn is_root() -> bool {
    let mut id = Command::new("id");
    id.arg("-u");
    process::must(id).trim() == "0"
}

fn write_names(directory: &Path) {
    let mut hosts = String::from("127.0.0.1 localhost\n");
    for number in 1..=SITES {
        let (first, second) = (public_name(number), second_name(number));
        let double = double_name(number);
        let (public, inner) = (public_address(number), inner_address(number));
        hosts.push_str(&format!("{public} {first} {second} {double}\n"));
        hosts.push_str(&format!("{inner} {double}\n"));
    }
    std::fs::write(directory.join("hosts"), hosts).expect("write the hosts file");
    // Nothing answers there: an unknown name is refused at once instead of asked of the internet.
    std::fs::write(directory.join("resolv.conf"), "nameserver 198.18.255.254\n")
        .expect("write resolv.conf");
}
