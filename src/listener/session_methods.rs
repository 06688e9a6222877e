//! The methods of a session that are the same for both versions of HTTP: the request, its addresses, the
//! kept form, and that the session has no custom messages.

use bytes::Bytes;
use futures_util::Stream;
use pingora::Result;

/// The methods of `custom::server::Session` that are the same in both: the type has `request`,
/// `digest` and `form`.
macro_rules! common_methods {
    () => {
        fn req_header(&self) -> &RequestHeader {
            &self.request
        }

        fn req_header_mut(&mut self) -> &mut RequestHeader {
            &mut self.request
        }

        fn digest(&self) -> Option<&Digest> {
            Some(&self.digest)
        }

        fn digest_mut(&mut self) -> Option<&mut Digest> {
            Arc::get_mut(&mut self.digest)
        }

        fn client_addr(&self) -> Option<&SocketAddr> {
            self.digest.socket_digest.as_ref()?.peer_addr()
        }

        fn server_addr(&self) -> Option<&SocketAddr> {
            self.digest.socket_digest.as_ref()?.local_addr()
        }

        fn enable_retry_buffering(&mut self) {
            let received = self.body_bytes_read();
            self.form.keep(&self.request, received);
        }

        fn retry_buffer_truncated(&self) -> bool {
            self.body_bytes_read() > 0 && !self.form.is_kept()
        }

        fn get_retry_buffer(&self) -> Option<Bytes> {
            self.form.read()
        }

        fn take_custom_message_reader(&mut self) -> Option<Messages> {
            None
        }

        fn restore_custom_message_reader(&mut self, _reader: Messages) -> Result<()> {
            Ok(())
        }

        fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
            None
        }

        fn restore_custom_message_writer(
            &mut self,
            _writer: Box<dyn CustomMessageWrite>,
        ) -> Result<()> {
            Ok(())
        }
    };
}
pub(super) use common_methods;

/// As Pingora's trait has it.
pub(super) type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;
