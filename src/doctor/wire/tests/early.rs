use super::*;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;

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
        let told = exchange::exchange(stream, request, None, &mut |_| {}).await;
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
async fn an_early_answer_over_tls_is_found_as_well() {
    let known = CertificateAuthority::new("known").unwrap();
    let server = known.issue(&["hub.example.com"]).unwrap().server().unwrap();
    let acceptor = TlsAcceptor::from(server);
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // Else the answer waits for the session's tickets to be acknowledged, and is lost.
            stream.set_nodelay(true).unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            header(&mut stream).await;
            let answer = b"HTTP/1.1 401 X\r\nContent-Length: 4\r\n\r\nnope";
            stream.write_all(answer).await.unwrap();
            stream.flush().await.unwrap();
            // Closing with much unread resets the connection, without TLS's own farewell.
        }
    })
    .await;
    let wire = trusting(&[known.pem()]);
    for _ in 0..20 {
        let request = ask(Method::PATCH, made(64 << 20, Framing::Chunked));
        let place = secure(address, Trust::Required);
        let told = wire.ask(&place, request, &mut |_| {}).await;
        let reply = told.result.unwrap();
        assert_eq!((reply.status, &reply.body[..]), (401, b"nope".as_slice()));
        assert!(told.sent < 64 << 20, "{}", told.sent);
    }
}
