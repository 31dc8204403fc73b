//! The operations under way, and the index of their deadlines.

use alloc::collections::{BTreeMap, BTreeSet};

use super::operation::Operation;
use crate::base::{OperationId, TimerKind};

/// Operations by id. What happens to one costs the same however many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Operations {
    by_id: BTreeMap<OperationId, Operation>,
    /// The deadlines that follow from the operations' states, earliest first.
    deadlines: BTreeSet<(u64, OperationId)>,
}

impl Operations {
    pub(super) fn insert(&mut self, id: OperationId, operation: Operation) {
        if let Some((at, _)) = operation.deadline() {
            self.deadlines.insert((at, id));
        }
        self.by_id.insert(id, operation);
    }

    pub(super) fn remove(&mut self, id: OperationId) -> Option<Operation> {
        let operation = self.by_id.remove(&id)?;
        if let Some((at, _)) = operation.deadline() {
            self.deadlines.remove(&(at, id));
        }
        Some(operation)
    }

    /// Gives back what is not in use: empty maps keep their memory.
    pub(super) fn shrink(&mut self) {
        if self.by_id.is_empty() {
            *self = Operations::default();
        }
    }

    /// The operation whose deadline comes first.
    pub(super) fn next_deadline(&self) -> Option<(u64, TimerKind, OperationId)> {
        let (at, id) = self.deadlines.first()?;
        let (_, timer) = self.by_id.get(id)?.deadline()?;
        Some((*at, timer, *id))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (OperationId, &Operation)> {
        self.by_id.iter().map(|(id, operation)| (*id, operation))
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
