//! Tests of the model over small trees.
