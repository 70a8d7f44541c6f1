//! What is assigned to, unpacked into and deleted.

use super::{Host, Interp};
use crate::python::syntax::{Expr, ExprKind};
use crate::python::value::{At, Stop, Unknown, Value, short};

impl<H: Host> Interp<'_, H> {
    pub(super) fn delete(&mut self, targets: &[Expr]) -> Result<(), Stop> {
        for target in targets {
            match &target.kind {
                ExprKind::Name(name) => {
                    if let Some(frame) = self.frames.last() {
                        let scope = self.scope_of_binding(frame, name);
                        self.refuse_delete(scope, name, self.at(target.span))?;
                        self.remember_name(scope, name);
                        self.scopes[scope.0].names.remove(name);
                    }
                }
                ExprKind::Subscript(object, index) => {
                    let object = self.eval(object)?;
                    let at = self.at(target.span);
                    if let ExprKind::Slice(parts) = &index.kind {
                        let bounds = self.slice_bounds(parts)?;
                        self.replace_slice(&object, bounds, None, at)?;
                        continue;
                    }
                    let index = self.eval(index)?;
                    self.delete_item(&object, &index, at)?;
                }
                ExprKind::Attribute(object, name) => {
                    let object = self.eval(object)?;
                    self.delete_attribute(&object, name, self.at(target.span))?;
                }
                ExprKind::Tuple(targets) | ExprKind::List(targets) => self.delete(targets)?,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn assign(&mut self, target: &Expr, value: Value) -> Result<(), Stop> {
        let at = self.at(target.span);
        match &target.kind {
            ExprKind::Name(name) => self.set_name(name, value),
            ExprKind::Tuple(targets) | ExprKind::List(targets) => self.unpack(targets, &value, at)?,
            ExprKind::Starred(inner) => self.assign(inner, value)?,
            ExprKind::Attribute(object, name) => {
                let object = self.eval(object)?;
                self.set_attribute(&object, name, value, at)?;
                self.record_attribute(&object, name);
            }
            ExprKind::Subscript(object, index) => {
                let object = self.eval(object)?;
                if let ExprKind::Slice(parts) = &index.kind {
                    let bounds = self.slice_bounds(parts)?;
                    return self.replace_slice(&object, bounds, Some(&value), at);
                }
                let index = self.eval(index)?;
                self.set_item(&object, &index, value, at)?;
                self.record_item(&object, &index);
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value, at: At) -> Result<(), Stop> {
        let star = targets.iter().position(|target| matches!(target.kind, ExprKind::Starred(_)));
        match self.iterate(value, at)? {
            Ok(items) => {
                let Some(star) = star else {
                    if items.len() != targets.len() {
                        return self.raise("ValueError", "wrong number of values to unpack", at);
                    }
                    for (target, item) in targets.iter().zip(items) {
                        self.assign(target, item)?;
                    }
                    return Ok(());
                };
                let after = targets.len() - star - 1;
                if items.len() < star + after {
                    return self.raise("ValueError", "not enough values to unpack", at);
                }
                let middle = items[star..items.len() - after].to_vec();
                for (target, item) in targets[..star].iter().zip(&items) {
                    self.assign(target, item.clone())?;
                }
                let middle = self.new_list(middle);
                self.assign(&targets[star], middle)?;
                for (target, item) in targets[star + 1..].iter().zip(&items[items.len() - after..]) {
                    self.assign(target, item.clone())?;
                }
            }
            Err((why, _)) => {
                for (index, target) in targets.iter().enumerate() {
                    let mut unknown = Unknown::clone(&why);
                    unknown.text = short(format!("{}[{index}]", self.text(value)));
                    unknown.affix = None;
                    self.assign(target, unknown.value())?;
                }
            }
        }
        Ok(())
    }
}
