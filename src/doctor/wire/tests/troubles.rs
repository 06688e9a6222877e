use super::*;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncWrite, ReadBuf};

/// A connection on which the answer is found only once writing has failed: the order in which a
/// server's answer and its reset may well be met, and which no server can be made to bring about.
struct Broken {
    writable: usize,
    answer: &'static [u8],
    failed: bool,
}

impl AsyncWrite for Broken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.writable == 0 {
            self.failed = true;
            cx.waker().wake_by_ref();
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = bytes.len().min(self.writable);
        self.writable -= taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.failed {
            // Woken when writing fails.
            return Poll::Pending;
        }
        buffer.put_slice(self.answer);
        self.answer = b"";
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_answer_is_read_even_where_writing_failed_first() {
    for (case, answer, expected) in [
        (
            "answered",
            b"HTTP/1.1 413 X\r\nContent-Length: 4\r\n\r\nnope".as_slice(),
            Ok(413),
        ),
        ("nothing", b"", Err(Trouble::Cut)),
    ] {
        let stream = Broken {
            writable: 50_000,
            answer,
            failed: false,
        };
        let request = ask(Method::PATCH, made(1 << 20, Framing::Length));
        let told = exchange::exchange(stream, request, &mut |_| {}).await;
        let status = told.result.map(|reply| reply.status);
        assert_eq!(status, expected, "{case}");
        // All that was taken but the request's header.
        assert!((49_800..50_000).contains(&told.sent), "{}", told.sent);
    }
}

#[tokio::test]
async fn an_answer_that_comes_early_is_returned_at_once_even_after_a_reset() {
    const SIZE: u64 = 64 << 20;
    for framing in [Framing::Length, Framing::Chunked] {
        for _ in 0..20 {
            let address = serve(|mut stream| async move {
                header(&mut stream).await;
                let answer = b"HTTP/1.1 401 X\r\nContent-Length: 4\r\n\r\nnope";
                stream.write_all(answer).await.unwrap();
                // Closing with much unread resets the connection.
            })
            .await;
            let told = tell(&plain(address), ask(Method::PATCH, made(SIZE, framing))).await;
            let reply = told.result.unwrap();
            assert_eq!((reply.status, &reply.body[..]), (401, b"nope".as_slice()));
            assert!(told.sent < SIZE, "{}", told.sent);
            assert_eq!(told.silence, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_is_found_while_the_server_still_takes_everything() {
    const SIZE: u64 = 256 << 20;
    for framing in [Framing::Length, Framing::Chunked] {
        let address = serve(|mut stream| async move {
            header(&mut stream).await;
            let answer = b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        })
        .await;
        let told = tell(&plain(address), ask(Method::PATCH, made(SIZE, framing))).await;
        assert_eq!(told.result.unwrap().status, 413);
        assert_eq!(told.silence, None, "{}", told.sent);
        assert!(told.sent < SIZE / 8, "{}", told.sent);
    }
}

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
    let bound = |answer, progress| Patience { answer, progress };
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
            Some(1),
        ),
        (
            "no body, and silence",
            Payload::None,
            bound(SHORT, LONG),
            Some(0),
        ),
    ] {
        let request = Ask {
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
    for (case, answer, body, end) in [
        (
            "whole",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".as_slice(),
            2,
            End::Whole,
        ),
        (
            "chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            2,
            End::Whole,
        ),
        (
            "until the end of the connection",
            b"HTTP/1.0 200 OK\r\n\r\nok",
            2,
            End::Whole,
        ),
        ("too long", long, MOST_BODY, End::Longer),
        (
            "cut",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            2,
            End::Cut,
        ),
        (
            "cut in a chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
            2,
            End::Cut,
        ),
        (
            "after interim answers",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
              HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            2,
            End::Whole,
        ),
    ] {
        let address = serve_answer(answer).await;
        let told = tell(&plain(address), ask(Method::GET, Payload::None)).await;
        let reply = told.result.unwrap();
        assert_eq!(reply.status, 200, "{case}");
        assert_eq!((reply.body.len(), reply.end), (body, end), "{case}");
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
    let request = Ask {
        patience: Patience {
            answer: SHORT,
            progress: LONG,
        },
        ..ask(Method::GET, Payload::None)
    };
    let reply = tell(&plain(address), request).await.result.unwrap();
    assert_eq!(
        (&reply.body[..], reply.end),
        (b"ok".as_slice(), End::TimedOut)
    );
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
