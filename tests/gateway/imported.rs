//! A configuration that was made of nginx's serves: a push and a pull go through it.

use crate::client::{Conn, get};
use crate::common::gateway::Gateway;
use crate::push::{alice, bearer, begin, commit, fake_harbor};
use harbormouth::testing::fake_harbor::content::digest;
use std::process::Command;
use tokio::net::TcpStream;

/// What `harbormouth import` makes of this text.
fn imported(name: &str, text: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join(name);
    std::fs::write(&file, text).expect("a file");
    let mut command: Command = Gateway::command();
    let output = command
        .arg("import")
        .arg(&file)
        .output()
        .expect("a program");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn what_nginx_was_the_gateway_is() {
    let harbor = fake_harbor().await;
    let nginx = format!(
        "upstream harbor {{ server {}; }}
        server {{
            listen 127.0.0.1:0;
            server_name hub.example.com;
            client_max_body_size 0;
            set_real_ip_from 127.0.0.1;
            location / {{
                proxy_pass http://harbor;
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-Proto https;
                proxy_request_buffering off;
                proxy_read_timeout 900;
            }}
        }}",
        harbor.address()
    );
    let yaml = imported("nginx.conf", &nginx);
    let gateway = Gateway::with_config(&format!("{yaml}admin: {{ address: 127.0.0.1:0 }}\n"));
    let socket = TcpStream::connect(gateway.http[0])
        .await
        .expect("a connection");
    let mut conn = Conn::new(socket);
    let content = b"a layer by way of nginx' words";
    // An upload needs the token with each request, and the fake Harbor checks its Location.
    let login = bearer(&mut conn).await;
    let location = begin(&mut conn, &login).await;
    let done = commit(&mut conn, &login, &location, content).await;
    assert_eq!(done.status, 201, "{done:?}");
    let path = format!("/v2/lab/app/blobs/{}", digest(content));
    let pulled = conn.ask(get(&path, &[&login])).await;
    assert_eq!((pulled.status, pulled.body.as_slice()), (200, &content[..]));
    // All of Harbor went to the same place, so all of it is public.
    let api = conn.ask(get("/api/v2.0/ping", &[&alice()])).await;
    assert_eq!(api.status, 200, "{api:?}");
}
