use super::*;

#[tokio::test]
async fn a_connection_that_ends_is_a_cut_one() {
    for (case, after, reset) in [
        ("FIN at once", 0, false),
        ("FIN in the body", 100_000, false),
        ("RST in the body", 100_000, true),
        ("RST at once", 0, true),
    ] {
        let address = serve(move |mut stream| async move {
            let (_, mut body) = header(&mut stream).await;
            while body.len() < after {
                stream.read_buf(&mut body).await.unwrap();
            }
            if reset {
                let socket = socket2::SockRef::from(&stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            } else {
                stream.shutdown().await.unwrap();
                let _ = stream.read_to_end(&mut body).await;
            }
        })
        .await;
        let request = ask(Method::PATCH, made(64 << 20, Framing::Length));
        let told = tell(&plain(address), request).await;
        assert_eq!(told.result.err(), Some(Trouble::Cut), "{case}");
        assert!(told.sent >= after as u64, "{case}: {}", told.sent);
        assert!(told.sent < 64 << 20, "{case}");
        assert_eq!(told.silence, None, "{case}");
        assert!(told.took < LONG, "{case}");
    }
}

#[tokio::test]
async fn a_stalled_body_and_a_missing_answer_have_bounds_of_their_own() {
    let bound = |answer, progress| ResponseTimeouts { answer, progress };
    let stalled = serve(|mut stream| async move {
        header(&mut stream).await;
        // Never read on, never closed.
        std::future::pending::<()>().await;
    })
    .await;
    let withheld = Payload::Withheld {
        length: 1000,
        framing: Framing::Length,
    };
    for (case, payload, patience, sent) in [
        (
            "a body that isn't taken",
            made(64 << 20, Framing::Length),
            bound(LONG, SHORT),
            None,
        ),
        (
            "a body that is taken, and silence",
            made(1000, Framing::Chunked),
            bound(SHORT, LONG),
            Some(1000),
        ),
        (
            "a withheld body, and silence",
            withheld,
            bound(SHORT, LONG),
            Some(17),
        ),
        (
            "no body, and silence",
            Payload::None,
            bound(SHORT, LONG),
            Some(0),
        ),
    ] {
        let request = WireRequest {
            patience,
            ..ask(Method::PATCH, payload)
        };
        let told = tell(&plain(stalled), request).await;
        assert_eq!(told.result.err(), Some(Trouble::TimedOut(SHORT)), "{case}");
        assert!(told.took >= SHORT && told.took < LONG, "{case}");
        assert_eq!(told.silence, None, "{case}");
        if let Some(sent) = sent {
            assert_eq!(told.sent, sent, "{case}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_kept_as_far_as_it_goes() {
    let long: &'static [u8] = Vec::leak(
        [
            b"HTTP/1.1 200 OK\r\n\r\n".as_slice(),
            &vec![b'x'; MOST_BODY + 1],
        ]
        .concat(),
    );
    for (case, answer, body) in [
        (
            "whole",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".as_slice(),
            2,
        ),
        (
            "chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            2,
        ),
        (
            "until the end of the connection",
            b"HTTP/1.0 200 OK\r\n\r\nok",
            2,
        ),
        ("too long", long, MOST_BODY),
        ("cut", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", 2),
        (
            "cut in a chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
            2,
        ),
        (
            "after interim answers",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
              HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            2,
        ),
    ] {
        let address = serve_answer(answer).await;
        let told = tell(&plain(address), ask(Method::GET, Payload::None)).await;
        let reply = told.result.unwrap();
        assert_eq!(reply.status, 200, "{case}");
        assert_eq!(reply.body.len(), body, "{case}");
    }
}

#[tokio::test]
async fn an_answer_s_body_has_a_bound_in_time() {
    let address = serve(|mut stream| async move {
        header(&mut stream).await;
        let begin = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok";
        stream.write_all(begin).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let request = WireRequest {
        patience: ResponseTimeouts {
            answer: SHORT,
            progress: LONG,
        },
        ..ask(Method::GET, Payload::None)
    };
    let reply = tell(&plain(address), request).await.result.unwrap();
    assert_eq!(&reply.body[..], b"ok");
}

#[tokio::test]
async fn odd_headers_are_kept_and_what_is_no_http_is_named() {
    let odd = b"HTTP/1.1 200 OK\r\nX-Odd: caf\xe9\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\
                Content-Length: 0\r\n\r\n";
    let told = tell(
        &plain(serve_answer(odd).await),
        ask(Method::GET, Payload::None),
    )
    .await;
    let headers = told.result.unwrap().headers;
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        headers,
        [
            ("x-odd", "caf\u{fffd}"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("content-length", "0"),
        ]
    );
    for (case, answer) in [
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n".as_slice()),
        (
            "a header with a control byte",
            b"HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n",
        ),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        ),
        ("an alert", b"\x15\x03\x03\x00\x02\x02\x28"),
    ] {
        let address = serve_answer(answer).await;
        let told = tell(&plain(address), ask(Method::GET, Payload::None)).await;
        let trouble = told.result.err();
        assert!(
            matches!(trouble, Some(Trouble::NotHttp(_))),
            "{case}: {trouble:?}"
        );
    }
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let seen = trusting(&[]).look(&plain(address)).await;
    assert_eq!(seen.connected, Err(Trouble::Refused));
    assert_eq!(seen.tls, None);
    let told = tell(&plain(address), ask(Method::GET, Payload::None)).await;
    assert_eq!(told.result.err(), Some(Trouble::Refused));
    assert_eq!(told.sent, 0);
}
