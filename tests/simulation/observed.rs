//! An application that tells the model of each call, and passes it on.

use std::sync::{Arc, Mutex, MutexGuard};

use wigwag::apps::{Application, Context};
use wigwag::protocol::Closure;

use crate::model::Model;

/// An application and its witness. The model is behind a lock only because applications may be
/// called from threads; here there is one.
pub struct Observed<A> {
    pub inner: A,
    pub model: Arc<Mutex<Model>>,
}

impl<A> Observed<A> {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("the model does not panic")
    }
}

impl<A: Application> Application for Observed<A> {
    fn open(&mut self, context: &mut Context<'_>) {
        self.model().open(context.peer());
        self.inner.open(context);
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        self.model().text(context.peer(), text);
        self.inner.text(context, text);
    }

    fn binary(&mut self, context: &mut Context<'_>, payload: &[u8]) {
        self.model().binary(context.peer());
        self.inner.binary(context, payload);
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        self.model().timeout(context.peer());
        self.inner.timeout(context);
    }

    fn throttled(&mut self, context: &mut Context<'_>) {
        self.model().throttled(context.peer());
        self.inner.throttled(context);
    }

    fn close(&mut self, context: &mut Context<'_>, closure: &Closure) {
        self.model().close(context.peer(), closure);
        self.inner.close(context, closure);
    }
}
