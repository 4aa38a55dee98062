//! Calls that need not wait are answered where they are read. zbus makes a task for each call, and a
//! name for the task; that takes longer than many an answer.

use async_trait::async_trait;
use std::collections::HashMap;
use std::future::poll_fn;
use std::task::Poll;
use zbus::message::{Header, Message};
use zbus::names::{InterfaceName, MemberName};
use zbus::object_server::{DispatchResult, Interface, SignalEmitter};
use zbus::{BoxDBusError, Connection, ObjectServer, OwnedVariant, Variant, fdo};

/// An interface that is [`Prompted`].
pub trait Prompt: Interface + Clone {
    /// What an answer was made of: it is taken apart when the client has been told.
    type Rest: Send;

    /// The answer to a call that takes no time; `None`: this is none, and nothing was done.
    fn at_once(&self, call: &Message) -> Option<(zbus::Result<Message>, Self::Rest)>;

    /// The same, for this call.
    #[must_use]
    fn of(&self, call: &Message) -> Self;
}

/// The same interface. A call that has to wait for something goes on as a task, and those after it
/// do not wait for it.
#[derive(Clone, Debug)]
pub struct Prompted<I>(pub I);

impl<I: Prompt> Prompted<I> {
    /// Begins the call, and sees whether that ends it.
    async fn begin(
        interface: I,
        connection: Connection,
        call: Message,
    ) -> Result<(), BoxDBusError> {
        let mut answered = Box::pin(answer(interface, connection.clone(), call.clone()));
        match poll_fn(|context| Poll::Ready(answered.as_mut().poll(context))).await {
            Poll::Ready(answered) => answered,
            Poll::Pending => {
                tokio::spawn(async move {
                    if let Err(error) = answered.await {
                        let told = connection.reply_dbus_error(&call.header(), error).await;
                        let _ = told.inspect_err(|error| tracing::debug!(%error, "an answer"));
                    }
                });
                Ok(())
            }
        }
    }
}

/// All of a call, from its message to the reply. Errors are yet to be sent.
async fn answer<I: Prompt>(
    interface: I,
    connection: Connection,
    call: Message,
) -> Result<(), BoxDBusError> {
    let header = call.header();
    let unknown = |what: String| Err(fdo::Error::UnknownMethod(what).into());
    let Some(name) = header.member() else { return unknown("a call without a member".into()) };
    let server = connection.object_server();
    match interface.call(server, &connection, &call, name.as_ref()) {
        DispatchResult::Async(answered) => answered.await,
        DispatchResult::NotFound | DispatchResult::RequiresMut => {
            unknown(format!("Unknown method '{name}'"))
        }
    }
}

#[async_trait]
impl<I: Prompt> Interface for Prompted<I> {
    fn name() -> InterfaceName<'static> {
        I::name()
    }

    fn spawn_tasks_for_methods(&self) -> bool {
        false
    }

    async fn get(
        &self,
        property: &str,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<Result<OwnedVariant, BoxDBusError>> {
        self.0.get(property, server, connection, header, emitter).await
    }

    async fn get_all(
        &self,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<HashMap<String, OwnedVariant>> {
        self.0.get_all(server, connection, header, emitter).await
    }

    async fn set_mut(
        &mut self,
        property: &str,
        value: &Variant<'_>,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<Result<(), BoxDBusError>> {
        self.0.set_mut(property, value, server, connection, header, emitter).await
    }

    fn call<'call>(
        &'call self,
        _: &'call ObjectServer,
        connection: &'call Connection,
        call: &'call Message,
        _: MemberName<'call>,
    ) -> DispatchResult<'call> {
        DispatchResult::Async(match self.0.at_once(call) {
            Some((told, rest)) => Box::pin(async move {
                let sent = connection.send(&told?).await;
                drop(rest);
                Ok(sent?)
            }),
            None => Box::pin(Self::begin(self.0.of(call), connection.clone(), call.clone())),
        })
    }

    fn call_mut<'call>(
        &'call mut self,
        _: &'call ObjectServer,
        _: &'call Connection,
        _: &'call Message,
        _: MemberName<'call>,
    ) -> DispatchResult<'call> {
        DispatchResult::NotFound
    }

    fn introspect_to_writer(&self, writer: &mut dyn std::fmt::Write, level: usize) {
        self.0.introspect_to_writer(writer, level);
    }
}
