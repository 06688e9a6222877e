use super::*;

/// A server that keeps everything of one request, its body ending with `last`, and answers it.
async fn keep(last: &'static [u8]) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    let address = serve(move |mut stream| {
        let kept = kept.clone();
        async move {
            let mut bytes = Vec::new();
            while !bytes.ends_with(last) {
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
            }
            *kept.lock().unwrap() = bytes;
            let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    (address, got)
}

#[tokio::test]
async fn a_request_is_written_as_it_was_asked() {
    let bytes = |framing| Payload::Bytes(Bytes::from_static(b"hello"), framing);
    for (case, method, target, payload, expected) in [
        (
            "no body",
            Method::GET,
            "/v2/?n=1",
            Payload::None,
            "GET /v2/?n=1 HTTP/1.1\r\nHost: hub.example.com\r\nAccept: a/b\r\n\
             Authorization: Bearer secret\r\n\r\n",
        ),
        (
            "no body where one is usual",
            Method::PUT,
            "/v2/a?_state=x%2By&b=c",
            Payload::None,
            "PUT /v2/a?_state=x%2By&b=c HTTP/1.1\r\nHost: hub.example.com\r\nAccept: a/b\r\n\
             Authorization: Bearer secret\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "a Location that needs escaping",
            Method::GET,
            "v2/a b?c=\"<\u{e4}>",
            Payload::None,
            "GET /v2/a%20b?c=%22%3C%C3%A4%3E HTTP/1.1\r\nHost: hub.example.com\r\nAccept: a/b\r\n\
             Authorization: Bearer secret\r\n\r\n",
        ),
        (
            "bytes",
            Method::PATCH,
            "/",
            bytes(Framing::Length),
            "PATCH / HTTP/1.1\r\nHost: hub.example.com\r\nAccept: a/b\r\n\
             Authorization: Bearer secret\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "bytes, chunked",
            Method::PATCH,
            "/",
            bytes(Framing::Chunked),
            "PATCH / HTTP/1.1\r\nHost: hub.example.com\r\nAccept: a/b\r\n\
             Authorization: Bearer secret\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "nothing, chunked",
            Method::PATCH,
            "/",
            Payload::Bytes(Bytes::new(), Framing::Chunked),
            "PATCH / HTTP/1.1\r\nHost: hub.example.com\r\nAccept: a/b\r\n\
             Authorization: Bearer secret\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ] {
        let last: &'static [u8] = match payload {
            Payload::Bytes(_, Framing::Length) => b"hello",
            _ if expected.ends_with("0\r\n\r\n") && expected.contains("chunked") => b"0\r\n\r\n",
            _ => b"\r\n\r\n",
        };
        let sent = match &payload {
            Payload::Bytes(bytes, _) => bytes.len() as u64,
            _ => 0,
        };
        let (address, got) = keep(last).await;
        let request = WireRequest {
            target: target.to_owned(),
            headers: vec![("accept".to_owned(), "a/b".to_owned())],
            authorization: Some("Bearer secret".to_owned().into()),
            ..ask(method, payload)
        };
        let told = tell(&plain(address), request).await;
        let got = String::from_utf8(got.lock().unwrap().clone()).unwrap();
        assert_eq!(got, expected, "{case}");
        assert_eq!(told.result.unwrap().status, 202, "{case}");
        assert_eq!(told.sent, sent, "{case}");
        assert!(told.silence.unwrap() <= told.took, "{case}");
    }
}

#[tokio::test]
async fn a_made_body_arrives_whole_and_is_counted() {
    for (size, framing) in [
        (1, Framing::Chunked),
        (16 * 1024, Framing::Length),
        (300_001, Framing::Length),
        (300_001, Framing::Chunked),
    ] {
        let pattern = crate::oci::sample::content::Pattern { seed: 7, size };
        let whole = pattern.bytes(0, size);
        let address = serve(move |mut stream| {
            let whole = whole.clone();
            async move {
                let (header, mut body) = header(&mut stream).await;
                let body = match framing {
                    Framing::Length => {
                        assert!(header.contains(&format!("Content-Length: {size}\r\n")));
                        while body.len() < whole.len() {
                            stream.read_buf(&mut body).await.unwrap();
                        }
                        body
                    }
                    Framing::Chunked => {
                        assert!(!header.contains("Content-Length"));
                        while !body.ends_with(b"\r\n0\r\n\r\n") {
                            stream.read_buf(&mut body).await.unwrap();
                        }
                        unchunk(&body)
                    }
                };
                let status = if body == whole { 201 } else { 500 };
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await;
        let mut progress = Vec::new();
        let told = trusting(&[])
            .ask(
                &plain(address),
                ask(Method::PATCH, made(size, framing)),
                &mut |sent| progress.push(sent),
            )
            .await;
        assert_eq!(told.result.unwrap().status, 201, "{size} {framing:?}");
        assert_eq!(told.sent, size, "{framing:?}");
        assert!(told.silence.is_some(), "{size} {framing:?}");
        assert_eq!(progress.last(), Some(&size), "{framing:?}");
        assert!(progress.is_sorted(), "{progress:?}");
    }
}

fn unchunk(mut wire: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = wire.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = std::str::from_utf8(&wire[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        let from = end + 2;
        body.extend_from_slice(&wire[from..from + length]);
        wire = &wire[from + length + 2..];
    }
}

#[tokio::test]
async fn a_body_pauses_in_its_middle_and_no_bound_minds() {
    const SIZE: u64 = 40_000;
    const PAUSE: Duration = Duration::from_millis(600);
    for framing in [Framing::Length, Framing::Chunked] {
        let half = Arc::new(Mutex::new(None));
        let noted = half.clone();
        let address = serve(move |mut stream| {
            let noted = noted.clone();
            async move {
                let (_, mut body) = header(&mut stream).await;
                let least = SIZE as usize / 2;
                while body.len() < least {
                    stream.read_buf(&mut body).await.unwrap();
                }
                let at = Instant::now();
                let before = body.len();
                stream.read_buf(&mut body).await.unwrap();
                *noted.lock().unwrap() = Some((before, at.elapsed()));
                while body.len() < SIZE as usize {
                    stream.read_buf(&mut body).await.unwrap();
                }
                let answer = b"HTTP/1.1 202 X\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await;
        let payload = Payload::Generated {
            size: SIZE,
            seed: 1,
            framing,
            pace: Pace::Pausing(PAUSE),
        };
        let request = WireRequest {
            patience: ResponseTimeouts {
                answer: LONG,
                progress: SHORT,
            },
            ..ask(Method::PATCH, payload)
        };
        let told = tell(&plain(address), request).await;
        assert_eq!(told.result.unwrap().status, 202);
        assert!(told.took >= PAUSE);
        assert!(told.silence.unwrap() < PAUSE);
        let (before, waited) = half.lock().unwrap().unwrap();
        // All of the first half, and of the second nothing but perhaps a chunk's frame.
        assert!((SIZE / 2..SIZE / 2 + 32).contains(&(before as u64)));
        assert!(waited >= PAUSE / 2, "{waited:?}");
    }
}

#[tokio::test]
async fn what_is_withheld_is_announced_and_never_comes() {
    for (framing, announced, beginning) in [
        (Framing::Length, "Content-Length: 1048576\r\n", 1),
        // More than the 256 KiB that registries read before they refuse.
        (
            Framing::Chunked,
            "Transfer-Encoding: chunked\r\n",
            257 * 1024,
        ),
    ] {
        let rest = Arc::new(Mutex::new(Vec::new()));
        let kept = rest.clone();
        let address = serve(move |mut stream| {
            let kept = kept.clone();
            async move {
                let (header, mut body) = header(&mut stream).await;
                assert!(header.contains(announced), "{header}");
                while count(&body) < beginning {
                    stream.read_buf(&mut body).await.unwrap();
                }
                let answer = b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                let _ = stream.read_to_end(&mut body).await;
                *kept.lock().unwrap() = body;
            }
        })
        .await;
        let payload = Payload::Withheld {
            length: 1 << 20,
            framing,
        };
        let told = tell(&plain(address), ask(Method::PATCH, payload)).await;
        assert_eq!(told.result.unwrap().status, 401);
        let sent = beginning as u64;
        assert_eq!((told.sent, told.silence), (sent, None), "{framing:?}");
        let deadline = Instant::now() + LONG;
        while rest.lock().unwrap().is_empty() {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let rest = rest.lock().unwrap();
        assert_eq!(count(&rest), beginning, "{framing:?}");
        assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "it was ended");
    }
}

/// A server that answers only once more of the body is there, and which has read all there was before.
#[tokio::test]
async fn of_a_withheld_body_more_is_sent_while_nothing_is_answered() {
    for (framing, portion) in [(Framing::Length, 1), (Framing::Chunked, 257 * 1024)] {
        let address = serve(move |mut stream| async move {
            let (_, mut body) = header(&mut stream).await;
            while count(&body) < 2 * portion {
                stream.read_buf(&mut body).await.unwrap();
            }
            let answer = b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let _ = stream.read_to_end(&mut body).await;
        })
        .await;
        let length = 1 << 20;
        let payload = Payload::Withheld { length, framing };
        let told = tell(&plain(address), ask(Method::PATCH, payload)).await;
        assert_eq!(told.result.unwrap().status, 401);
        assert_eq!(told.sent, 2 * portion as u64, "{framing:?}");
        assert!(told.took >= DRIBBLE, "{framing:?}: {:?}", told.took);
    }
}

/// Bytes of a body, without its chunks' frames.
fn count(body: &[u8]) -> usize {
    body.iter().filter(|byte| **byte == b'?').count()
}

#[tokio::test]
async fn what_can_t_stand_in_a_request_is_not_sent() {
    // Nothing answers there: with a request that was sent after all, the trouble were another.
    let address = serve(|_stream| std::future::pending()).await;
    let right = || ask(Method::GET, Payload::None);
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (case, request, named) in [
        (
            "a value with a line feed",
            WireRequest {
                headers: pair("x-one", "a\r\nb: c"),
                ..right()
            },
            "x-one",
        ),
        (
            "a name with a space",
            WireRequest {
                headers: pair("x one", "a"),
                ..right()
            },
            "x one",
        ),
        (
            "a secret with a line feed",
            WireRequest {
                authorization: Some("Basic secret\n".to_owned().into()),
                ..right()
            },
            "authorization",
        ),
        (
            "a host with a line feed",
            WireRequest {
                host: "a\nb".to_owned(),
                ..right()
            },
            "host",
        ),
        (
            "a path of 100 KB",
            WireRequest {
                target: "/".repeat(100_000),
                ..right()
            },
            "its path",
        ),
    ] {
        let Err(Trouble::NotHttp(words)) = tell(&plain(address), request).await.result else {
            panic!("{case}");
        };
        assert!(words.contains(named), "{case}: {words}");
        assert!(!words.contains("secret"), "{case}: {words}");
    }
}
