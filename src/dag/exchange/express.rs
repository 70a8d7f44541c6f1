//! Expressions: what they ask of the values that are followed, and what they make of them.

use super::followed::{Abs, Alt, Is, Loaded, whole};
use super::walk::{CONTEXT, ENVIRONMENT, Frame, Walk};
use super::{Guard, Step, Test, What};
use crate::content::Span;
use crate::dag::Shape;
use crate::dag::shape;
use crate::python::names::children;
use crate::python::standard::template::{self, Percent};
use crate::python::syntax::{
    Arg, BinaryOp, Clause, CompareOp, Comprehension, ComprehensionKind, Expr, ExprKind, FormatPart, Name, UnaryOp,
};
use crate::python::tree::Located;
use crate::python::value::{At, ModuleKey, Object, ScopeRef, Value, last_name};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

impl Walk<'_, '_> {
    pub(super) fn express(&mut self, frame: &mut Frame, expr: &Expr) -> Abs {
        if !self.step() {
            return Abs::any();
        }
        match &expr.kind {
            ExprKind::None => Abs::of_shape(Shape::None),
            ExprKind::False => Abs { is: Is::False, ..Abs::named("bool") },
            ExprKind::True => Abs::named("bool"),
            ExprKind::Int(0) => Abs { is: Is::False, ..Abs::named("int") },
            ExprKind::Int(_) => Abs::named("int"),
            ExprKind::Float(_) => Abs::named("float"),
            ExprKind::Str(text) => Abs::text(text.clone(), At::new(frame.file, expr.span)),
            ExprKind::Ellipsis => Abs::unstorable("`...`"),
            ExprKind::Bytes(_) => Abs { unstored: Some("bytes".into()), ..Abs::named("bytes") },
            ExprKind::Format(parts) => {
                self.format(frame, parts);
                Abs::named("str")
            }
            ExprKind::Name(name) => {
                self.unset(frame, name, expr.span);
                self.name(frame, name)
            }
            ExprKind::Attribute(object, name) => {
                let held = self.express(frame, object);
                // A list has nothing but methods, by which it may be made longer later on.
                if let ExprKind::Name(object) = &object.kind
                    && let Some(held) = frame.env.get_mut(object)
                {
                    held.unmeasure();
                }
                self.attribute(frame, &held, name, expr.span)
            }
            ExprKind::Subscript(object, index) => {
                let object = self.express(frame, object);
                self.subscript(frame, &object, index, expr.span)
            }
            ExprKind::Call(callee, args) => self.call(frame, callee, args, expr.span),
            ExprKind::Unary(UnaryOp::Not, value) => {
                self.express(frame, value);
                Abs::named("bool")
            }
            ExprKind::Unary(_, value) => {
                let value = self.express(frame, value);
                self.need(frame, &value, &What::Calculate(Shape::Named("int".into())), expr.span);
                match value.shape {
                    shape @ Shape::Named(_) => Abs::of_shape(shape),
                    _ => Abs::any(),
                }
            }
            ExprKind::Binary(first, rest) => {
                let mut left = self.express(frame, first);
                for (op, value) in rest {
                    let right = self.express(frame, value);
                    left = self.calculate(frame, *op, (&left, expr.span), (&right, value.span));
                }
                left
            }
            ExprKind::And(parts) => self.sequence(frame, parts, true),
            ExprKind::Or(parts) => self.sequence(frame, parts, false),
            ExprKind::Compare(first, rest) => {
                self.compare(frame, first, rest);
                Abs::named("bool")
            }
            ExprKind::Conditional { test, then, orelse } => {
                self.express(frame, test);
                let then = self.under(frame, test, true, then);
                let orelse = self.under(frame, test, false, orelse);
                then.or(orelse)
            }
            ExprKind::Lambda(def) => {
                self.nested(frame, def);
                Abs::named("function")
            }
            ExprKind::Starred(value) => {
                let value = self.express(frame, value);
                self.element(frame, &value, expr.span)
            }
            ExprKind::Named(name, value) => {
                let value = self.express(frame, value);
                frame.env.insert(name.clone(), value.clone());
                // A comprehension binds it around itself, as often as it likes.
                frame.closures |= frame.loops > 0;
                value
            }
            ExprKind::Await(value) | ExprKind::YieldFrom(value) | ExprKind::Yield(Some(value)) => {
                let value = self.express(frame, value);
                self.open(frame, &value, expr.span);
                Abs::any()
            }
            _ => self.display(frame, expr),
        }
    }

    /// Lists, tuples, sets, dicts and comprehensions.
    fn display(&mut self, frame: &mut Frame, expr: &Expr) -> Abs {
        match &expr.kind {
            ExprKind::List(items) | ExprKind::Set(items) | ExprKind::Tuple(items) => {
                let values: Vec<Abs> = items.iter().map(|item| self.held(frame, item)).collect();
                let texts = values.iter().flat_map(|value| value.texts.iter().cloned()).collect();
                let all: Option<Vec<_>> = values
                    .iter()
                    .map(|value| match &value.is {
                        Is::Text(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect();
                let starred = items.iter().any(|item| matches!(item.kind, ExprKind::Starred(_)));
                let unstored = values.iter().find_map(|value| value.unstored.clone());
                let shape = match &expr.kind {
                    ExprKind::Tuple(_) if !starred => {
                        Shape::Tuple(values.into_iter().map(|value| value.shape).collect())
                    }
                    ExprKind::Set(_) => Shape::Named("set".into()),
                    _ if starred || values.is_empty() && frame.closures => Shape::list(Shape::Any),
                    _ if values.is_empty() => Shape::List(Box::new(Shape::Any), Some(0)),
                    _ => {
                        let length = Some(values.len());
                        let element = shape::union(values.into_iter().map(|value| value.shape).collect());
                        Shape::List(Box::new(element), length)
                    }
                };
                let is = all.filter(|all| !all.is_empty()).map_or(Is::Plain, Is::Texts);
                Abs { is, texts, unstored, ..Abs::of_shape(shape) }
            }
            ExprKind::Dict(pairs) => {
                let mut keys = Some(BTreeMap::new());
                let mut unstored = None;
                for (key, value) in pairs {
                    let is_odd = |key: &Expr| matches!(key.kind, ExprKind::Tuple(_) | ExprKind::Bytes(_));
                    if key.as_ref().is_some_and(is_odd) && self.run.host.major() != Some(3) {
                        unstored.get_or_insert_with(|| "a dict with keys that are no texts".into());
                    }
                    let name = key.as_ref().map(|key| self.express(frame, key));
                    // Airflow 3 makes texts of such keys.
                    let is_text = |name: &Abs| {
                        name.unstored.is_none() && !matches!(&name.shape, Shape::Named(name) if is_moment(name))
                    };
                    if !name.as_ref().is_none_or(is_text) && self.run.host.major() != Some(3) {
                        unstored.get_or_insert_with(|| "a dict with keys that are no texts".into());
                    }
                    let name = name.map(|name| name.is);
                    let held = match key {
                        Some(_) => self.held(frame, value),
                        None => self.express(frame, value),
                    };
                    unstored = unstored.or_else(|| held.unstored.clone());
                    match (name, &held.shape) {
                        (Some(Is::Text(name)), shape) => {
                            if let Some(keys) = &mut keys {
                                keys.insert(name.to_string(), shape.clone());
                            }
                        }
                        (None, Shape::Dict(Some(more))) => {
                            if let Some(keys) = &mut keys {
                                keys.extend(more.clone());
                            }
                        }
                        _ => keys = None,
                    }
                    if key.is_none() {
                        self.need(frame, &held, &What::Spread, value.span);
                        self.open(frame, &held, value.span);
                    }
                }
                Abs { unstored, ..Abs::of_shape(Shape::Dict(keys)) }
            }
            ExprKind::Comprehension(all) => self.comprehension(frame, all),
            _ => Abs::any(),
        }
    }

    /// A value that is put into a container, or given to code that is not followed.
    pub(super) fn held(&mut self, frame: &mut Frame, expr: &Expr) -> Abs {
        let value = self.express(frame, expr);
        self.open(frame, &value, expr.span);
        value.shared(frame, expr)
    }

    fn under(&mut self, frame: &mut Frame, test: &Expr, holds: bool, expr: &Expr) -> Abs {
        let outer = frame.conditions.len();
        let tests = self.tests(frame, test, holds);
        frame.conditions.extend(tests);
        frame.perhaps += 1;
        let mut value = self.express(frame, expr);
        frame.perhaps -= 1;
        for alt in &mut value.of {
            let own = frame.conditions[outer..].iter().filter(|(root, _)| *root == alt.root);
            alt.guards.extend(own.map(|(_, guard)| guard.clone()));
        }
        frame.conditions.truncate(outer);
        value
    }

    /// `a and b`, `a or b`: each part under what the parts before it then are.
    fn sequence(&mut self, frame: &mut Frame, parts: &[Expr], holds: bool) -> Abs {
        let outer = frame.conditions.len();
        let mut result: Option<Abs> = None;
        for (index, part) in parts.iter().enumerate() {
            let mut value = self.express(frame, part);
            let last = index + 1 == parts.len();
            if !holds && !last {
                self.expects_none(&value);
                // What goes on from here is not nothing.
                for alt in &mut value.of {
                    let path = alt.path.clone();
                    alt.guards.push(Guard { path, test: Test::Truth, holds: true });
                }
            }
            let known = frame.conditions.len();
            let tests = self.tests(frame, part, holds);
            frame.conditions.extend(tests);
            frame.perhaps += usize::from(!last);
            result = Some(match result {
                Some(result) => {
                    // It is this one only where the parts before it were as they had to be.
                    for alt in &mut value.of {
                        let before = frame.conditions[outer..known].iter().filter(|(root, _)| *root == alt.root);
                        alt.guards.extend(before.map(|(_, guard)| guard.clone()));
                    }
                    result.or(value)
                }
                None => value,
            });
        }
        frame.conditions.truncate(outer);
        frame.perhaps -= parts.len().saturating_sub(1);
        result.unwrap_or_else(Abs::any)
    }

    fn compare(&mut self, frame: &mut Frame, first: &Expr, rest: &[(CompareOp, Expr)]) {
        let mut left = self.express(frame, first);
        let mut left_span = first.span;
        for (op, value) in rest {
            let right = self.express(frame, value);
            match op {
                CompareOp::Less | CompareOp::LessEq | CompareOp::Greater | CompareOp::GreaterEq => {
                    self.need(frame, &left, &What::Calculate(right.shape.clone()), left_span);
                    self.need(frame, &right, &What::Calculate(left.shape.clone()), value.span);
                }
                CompareOp::In | CompareOp::NotIn => self.need(frame, &right, &What::Contain, value.span),
                CompareOp::Is | CompareOp::IsNot if right.shape == Shape::None => self.expects_none(&left),
                _ => {}
            }
            left = right;
            left_span = value.span;
        }
    }

    pub(super) fn calculate(
        &mut self,
        frame: &Frame,
        op: BinaryOp,
        (left, left_at): (&Abs, Span),
        (right, right_at): (&Abs, Span),
    ) -> Abs {
        if op == BinaryOp::Mod && left.shape == Shape::Named("str".into()) {
            let keys: Vec<What> = left.plain_text().map_or(Vec::new(), |text| {
                let key = |piece: &Percent| match piece {
                    Percent::Value { key, .. } => key.map(|key| What::Key(key.to_owned())),
                    Percent::Text(_) => None,
                };
                template::percent(&text).iter().filter_map(key).collect()
            });
            for key in &keys {
                self.need(frame, right, key, right_at);
            }
            if keys.is_empty() {
                self.need(frame, right, &What::Text, right_at);
                self.counts(frame, left, (right, right_at));
            }
            return Abs::named("str");
        }
        self.need(frame, left, &What::Calculate(right.shape.clone()), left_at);
        self.need(frame, right, &What::Calculate(left.shape.clone()), right_at);
        // A path with something behind it.
        let unstored = left.unstored.clone().filter(|_| op == BinaryOp::Div);
        Abs { unstored, ..Abs::of_shape(shape::arithmetic(op, &left.shape, &right.shape)) }
    }

    /// `"%s %s" % (a, b)`: as many values as the text asks for.
    fn counts(&mut self, frame: &Frame, text: &Abs, (given, at): (&Abs, Span)) {
        let (Some(text), Shape::Tuple(parts)) = (text.plain_text(), &given.shape) else { return };
        let asked = template::percent(&text).iter().filter(|piece| matches!(piece, Percent::Value { .. })).count();
        if asked != parts.len() && !text.contains('*') && given.of.is_empty() {
            let why = format!("the text asks for {asked} values, and {} are given", parts.len());
            self.asks_of_own(frame, (&What::Text, why), at);
        }
    }

    fn format(&mut self, frame: &mut Frame, parts: &[FormatPart]) {
        for part in parts {
            if let FormatPart::Value { value, spec, .. } = part {
                let held = self.express(frame, value);
                let what = if spec.is_empty() { What::Text } else { What::Number };
                // A format such as `>10` is for texts; only one that ends in a kind of number asks for it.
                let number =
                    matches!(spec.last(), Some(FormatPart::Text(text)) if text.ends_with(['d', 'f', 'e', 'g', '%']));
                let what = if what == What::Number && !number { What::Text } else { what };
                self.need(frame, &held, &what, value.span);
                self.format(frame, spec);
            }
        }
    }

    fn comprehension(&mut self, frame: &mut Frame, all: &Comprehension) -> Abs {
        let env = frame.env.clone();
        let outer = frame.conditions.len();
        let sure = frame.perhaps;
        frame.loops += 1;
        let mut keys = None;
        for clause in &all.clauses {
            match clause {
                Clause::For(target, iter) => {
                    let value = self.express(frame, iter);
                    let is_key = all.clauses.len() == 1 && same_name(target, &all.element);
                    keys = value.fixed_texts().filter(|_| is_key).map(<[_]>::to_vec);
                    let element = self.element(frame, &value, iter.span);
                    self.assign(frame, target, element);
                }
                Clause::If(test) => {
                    frame.perhaps += 1;
                    self.express(frame, test);
                    let tests = self.tests(frame, test, true);
                    frame.conditions.extend(tests);
                }
            }
        }
        let element = self.held(frame, &all.element);
        let value = all.value.as_ref().map_or_else(Abs::any, |value| self.held(frame, value));
        frame.conditions.truncate(outer);
        frame.perhaps = sure;
        frame.loops -= 1;
        frame.env = env;
        match all.kind {
            ComprehensionKind::List => Abs { unstored: element.unstored, ..Abs::of_shape(Shape::list(element.shape)) },
            ComprehensionKind::Dict => {
                let members =
                    |keys: Vec<Rc<str>>| keys.iter().map(|key| (key.to_string(), value.shape.clone())).collect();
                Abs { unstored: value.unstored, ..Abs::of_shape(Shape::Dict(keys.map(members))) }
            }
            ComprehensionKind::Set => Abs::named("set"),
            ComprehensionKind::Generator => Abs::named("generator"),
        }
    }

    /// An element of what is iterated.
    pub(super) fn element(&mut self, frame: &Frame, iterated: &Abs, span: Span) -> Abs {
        if matches!(iterated.is, Is::Params | Is::Conf) {
            self.reads_more(frame, span);
        }
        self.need(frame, iterated, &What::Iterate, span);
        let shape = match &iterated.shape {
            Shape::List(inner, _) => (**inner).clone(),
            Shape::Dict(_) => Shape::Named("str".into()),
            _ => Shape::Any,
        };
        Abs { unstored: self.unstored_member(iterated), ..Self::part(iterated, &Step::Element, shape) }
    }

    // --- names ---

    fn name(&mut self, frame: &Frame, name: &Name) -> Abs {
        match frame.env.get(name) {
            Some(value) => value.clone(),
            None => self
                .run
                .find_name(frame.scope, name)
                .map_or_else(Abs::any, |value| self.of_value(&value, 3).held_by(name)),
        }
    }

    /// A value that the module holds when it was loaded.
    pub(super) fn of_value(&self, value: &Value, depth: usize) -> Abs {
        match value {
            Value::None => Abs::of_shape(Shape::None),
            Value::Bool(_) => Abs::named("bool"),
            Value::Int(_) => Abs::named("int"),
            Value::Float(_) => Abs::named("float"),
            Value::Str(text) => Abs {
                is: Is::Text(text.text.clone()),
                texts: text.at.map(|at| (text.text.clone(), at)).into_iter().collect(),
                ..Abs::named("str")
            },
            Value::Bytes(_) => Abs::named("bytes"),
            Value::Object(object) if depth > 0 && self.run.hazy(*object).is_none() => match self.run.object(*object) {
                Object::List(items) | Object::Tuple(items) => {
                    let values: Vec<Abs> = items.items.iter().map(|item| self.of_value(item, depth - 1)).collect();
                    let texts = values.iter().flat_map(|value| value.texts.iter().cloned()).collect();
                    let all: Option<Vec<_>> = values.iter().map(Abs::plain_text).collect();
                    let is = all.map_or(Is::Plain, Is::Texts);
                    let shapes = values.into_iter().map(|value| value.shape);
                    if matches!(self.run.object(*object), Object::Tuple(_)) {
                        return Abs { is, texts, ..Abs::of_shape(Shape::Tuple(shapes.collect())) };
                    }
                    let element = if items.items.is_empty() { Shape::Any } else { shape::union(shapes.collect()) };
                    let loaded = Shape::List(Box::new(element), Some(items.items.len()));
                    Abs { is, texts, ..Abs::of_shape(Shape::list(Shape::Any)) }.loaded_with(loaded)
                }
                // It gives something for whatever key.
                Object::Dict(dict) if dict.default.is_some() => Abs::of_shape(Shape::Dict(None)),
                Object::Dict(dict) => {
                    let keys = dict
                        .pairs()
                        .iter()
                        .map(|(key, value)| Some((key.as_str()?.to_string(), self.of_value(value, depth - 1).shape)))
                        .collect();
                    let shape = Shape::Dict(keys);
                    Abs { is: Is::Value(value.clone()), ..Abs::of_shape(shape.clone()) }.loaded_with(shape)
                }
                Object::Function(_) => Abs { is: Is::Value(value.clone()), ..Abs::named("function") },
                Object::Class(_) => Abs { unstored: Some("a class".into()), ..Abs::special(Is::Value(value.clone())) },
                Object::Instance(instance) => {
                    let unstored = self.unstorable_class(instance.class);
                    let stored = instance.held.as_ref().map(|held| Rc::new(self.of_value(held, depth - 1).shape));
                    Abs { unstored, stored, ..Abs::special(Is::Value(value.clone())) }
                }
                _ => Abs::special(Is::Value(value.clone())),
            },
            Value::Module(_) => Abs { unstored: Some("a module".into()), ..Abs::special(Is::Value(value.clone())) },
            _ => Abs::special(Is::Value(value.clone())),
        }
    }

    fn attribute(&mut self, frame: &Frame, object: &Abs, name: &Name, span: Span) -> Abs {
        match &object.is {
            Is::Receiver => {
                let method = frame.class.and_then(|class| self.run.find_in_class(class, name, None));
                match method {
                    Some((Ok(value), _)) => self.of_value(&value, 3),
                    _ => self.root(name, Shape::Any),
                }
            }
            Is::Value(value) => self.member(value, name),
            Is::Plain | Is::False | Is::Text(_) | Is::Texts(_) => {
                self.need(frame, object, &What::Attribute(name.to_string()), span);
                let shape = match &object.shape {
                    Shape::Record(_, fields) => fields.get(&**name).cloned().unwrap_or(Shape::Any),
                    _ => Shape::Any,
                };
                Self::part(object, &Step::Attribute(name.to_string()), shape)
            }
            Is::DagRun if &**name == "conf" => Abs::special(Is::Conf),
            Is::Ti | Is::Context | Is::Params | Is::DagRun | Is::Conf => Abs::any(),
        }
    }

    fn member(&self, value: &Value, name: &Name) -> Abs {
        match value {
            Value::Outside(path) => Abs::special(Is::Value(Value::outside(format!("{path}.{name}")))),
            Value::Module(key) => {
                let found = self.run.modules.get(key).and_then(|loaded| self.run.names(loaded.scope).get(name));
                found.map_or_else(Abs::any, |value| self.of_value(value, 3).held_by(name))
            }
            Value::Object(object) => match self.run.object(*object) {
                Object::Class(_) => match self.run.find_in_class(*object, name, None) {
                    Some((Ok(value), _)) => self.of_value(&value, 3).held_by(name),
                    _ => Abs::any(),
                },
                Object::Instance(instance) => match instance.attributes.get(name) {
                    Some(value) => self.of_value(value, 3),
                    None => Abs::any(),
                },
                _ => Abs::any(),
            },
            _ => Abs::any(),
        }
    }

    /// What an import within a function binds, where the module was loaded.
    pub(super) fn imported(&self, frame: &Frame, module: &str, name: &str) -> Abs {
        let outside = || Abs::special(Is::Value(Value::outside(format!("{module}.{name}"))));
        let Located::File(file) = self.run.tree.locate(module, frame.file) else { return outside() };
        let loaded = self.run.modules.get(&ModuleKey::File(file));
        match loaded.and_then(|loaded| self.run.names(loaded.scope).get(name)) {
            Some(value) => self.of_value(value, 3).held_by(&name.into()),
            None => Abs::any(),
        }
    }

    fn subscript(&mut self, frame: &mut Frame, object: &Abs, index: &Expr, span: Span) -> Abs {
        let key = self.express(frame, index);
        match (&object.is, &key.is) {
            (Is::Context, Is::Text(key)) => {
                self.reads_of(frame, CONTEXT, key, span);
                return of_context(key);
            }
            (Is::Value(Value::Outside(path)), Is::Text(key)) if &**path == ENVIRONMENT => {
                self.reads_of(frame, ENVIRONMENT, key, span);
                return Abs::named("str");
            }
            (Is::Params, Is::Text(key)) => {
                return self.reads_param(frame, key, true, span);
            }
            (Is::Conf, Is::Text(key)) => {
                return self.reads_conf(frame, key, true, span);
            }
            (Is::Params | Is::Conf, _) => {
                self.reads_more(frame, span);
                return Abs::any();
            }
            (Is::Ti | Is::Context | Is::DagRun, _) => return Abs::any(),
            (Is::Value(class), Is::Text(name)) if self.is_enumeration(class) => {
                let class = class.clone();
                self.asks_member(frame, &class, (name, true), span);
                return Abs { unstored: self.unstored_member(object), ..Abs::any() };
            }
            (_, Is::Text(key)) => {
                self.need(frame, object, &What::Key(key.to_string()), span);
                let shape = match &object.shape {
                    Shape::Dict(Some(keys)) => keys.get(&**key).cloned().unwrap_or(Shape::Any),
                    _ => Shape::Any,
                };
                return Self::part(object, &Step::Key(key.to_string()), shape);
            }
            _ => {}
        }
        match &index.kind {
            ExprKind::Int(at) => {
                let at = usize::try_from(*at).unwrap_or(0);
                self.need(frame, object, &What::Index(at), span);
                let shape = match &object.shape {
                    Shape::Tuple(parts) => parts.get(at).cloned().unwrap_or(Shape::Any),
                    Shape::List(inner, _) => (**inner).clone(),
                    _ => Shape::Any,
                };
                Self::part(object, &Step::Index(at), shape)
            }
            ExprKind::Unary(UnaryOp::Minus, behind) => {
                let at = match behind.kind {
                    ExprKind::Int(at) => usize::try_from(at).unwrap_or(0).saturating_sub(1),
                    _ => 0,
                };
                self.need(frame, object, &What::Index(at), span);
                Self::part(object, &Step::Element, Shape::Any)
            }
            ExprKind::Slice(_) => {
                self.need(frame, object, &What::Index(0), span);
                let mut part =
                    Abs { of: object.of.clone(), giver: object.giver.clone(), ..Abs::of_shape(object.shape.clone()) };
                part.unmeasure();
                part
            }
            _ => Self::part(object, &Step::Element, Shape::Any),
        }
    }

    // --- tests ---

    /// What a test says of the values that are followed, if it holds or does not.
    pub(super) fn tests(&mut self, frame: &Frame, test: &Expr, holds: bool) -> Vec<(usize, Guard)> {
        match &test.kind {
            ExprKind::Unary(UnaryOp::Not, inner) => self.tests(frame, inner, !holds),
            ExprKind::And(parts) if holds => parts.iter().flat_map(|part| self.tests(frame, part, true)).collect(),
            ExprKind::Or(parts) if !holds => parts.iter().flat_map(|part| self.tests(frame, part, false)).collect(),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                // One of them holds, or does not; which, is not known.
                let all: Vec<_> = parts.iter().flat_map(|part| self.tests(frame, part, holds)).collect();
                all.into_iter().map(|(root, guard)| (root, Guard { test: Test::Other, ..guard })).collect()
            }
            ExprKind::Call(callee, args) => {
                let values: Vec<&Expr> = args
                    .iter()
                    .filter_map(|arg| match arg {
                        Arg::Positional(value) => Some(value),
                        _ => None,
                    })
                    .collect();
                match (last_name(callee), values.as_slice()) {
                    (Some("isinstance"), [value, kinds]) => {
                        let value = self.peek(frame, value);
                        let test = type_names(kinds).map_or(Test::Other, Test::Is);
                        whole(&value, &test, holds)
                    }
                    (Some("hasattr" | "callable" | "issubclass"), [value, ..]) => {
                        whole(&self.peek(frame, value), &Test::Other, holds)
                    }
                    (Some("get"), _) => {
                        let value = self.peek(frame, test);
                        if holds {
                            self.expects_none(&value);
                        }
                        whole(&value, &Test::Truth, holds)
                    }
                    (Some("len"), [value]) => whole(&self.peek(frame, value), &Test::Length, holds),
                    // What a function says of a value that may be nothing is not known.
                    _ => {
                        let mut tests = Vec::new();
                        for value in values {
                            self.mentioned(frame, value, holds, &mut tests);
                        }
                        tests
                    }
                }
            }
            ExprKind::Compare(first, rest) => match &**rest {
                [(op, other)] => self.comparison(frame, first, *op, other, holds),
                _ => Vec::new(),
            },
            ExprKind::Name(_) | ExprKind::Subscript(..) | ExprKind::Attribute(..) => {
                let value = self.peek(frame, test);
                if holds {
                    // Asking is a way of expecting nothing.
                    self.expects_none(&value);
                }
                whole(&value, &Test::Truth, holds)
            }
            ExprKind::Named(_, value) => self.tests(frame, value, holds),
            _ => Vec::new(),
        }
    }

    /// Values that may be nothing and stand somewhere in what a test asks.
    fn mentioned(&mut self, frame: &Frame, expr: &Expr, holds: bool, tests: &mut Vec<(usize, Guard)>) {
        let value = self.peek(frame, expr);
        if value.may_be_nothing() {
            tests.extend(whole(&value, &Test::Other, holds));
        } else {
            children(expr, &mut |child| self.mentioned(frame, child, holds, tests));
        }
    }

    fn comparison(
        &mut self,
        frame: &Frame,
        first: &Expr,
        op: CompareOp,
        other: &Expr,
        holds: bool,
    ) -> Vec<(usize, Guard)> {
        let same = matches!(op, CompareOp::Is | CompareOp::Eq);
        match (op, &first.kind, &other.kind) {
            (CompareOp::In | CompareOp::NotIn, ExprKind::Str(key), _) => {
                let value = self.peek(frame, other);
                whole(&value, &Test::Has(key.to_string()), holds == (op == CompareOp::In))
            }
            (CompareOp::Is | CompareOp::IsNot | CompareOp::Eq | CompareOp::NotEq, _, ExprKind::None) => {
                let value = self.peek(frame, first);
                whole(&value, &Test::IsNone, holds == same)
            }
            (
                CompareOp::Is | CompareOp::IsNot | CompareOp::Eq | CompareOp::NotEq | CompareOp::In,
                ExprKind::Call(callee, args),
                _,
            ) if last_name(callee) == Some("type") => match &**args {
                [Arg::Positional(value)] => {
                    let value = self.peek(frame, value);
                    let test = type_names(other).map_or(Test::Other, Test::Is);
                    whole(&value, &test, holds == (same || op == CompareOp::In))
                }
                _ => Vec::new(),
            },
            (_, ExprKind::Call(callee, args), _) | (_, _, ExprKind::Call(callee, args))
                if last_name(callee) == Some("len") =>
            {
                match &**args {
                    [Arg::Positional(value)] => whole(&self.peek(frame, value), &Test::Length, holds),
                    _ => Vec::new(),
                }
            }
            _ => {
                // What equals something, or is one of several, is not nothing.
                let value = self.peek(frame, first);
                let equal = matches!(op, CompareOp::Eq | CompareOp::In) && holds
                    || matches!(op, CompareOp::NotEq | CompareOp::NotIn) && !holds;
                if equal && value.may_be_nothing() { whole(&value, &Test::IsNone, false) } else { Vec::new() }
            }
        }
    }

    /// A value that is looked at again: nothing is asked of it once more.
    fn peek(&mut self, frame: &Frame, expr: &Expr) -> Abs {
        match &expr.kind {
            ExprKind::Name(name) => self.name(frame, name),
            ExprKind::Subscript(object, index) => {
                let object = self.peek(frame, object);
                match &index.kind {
                    ExprKind::Str(key) => self.peek_at(&object, key, &Step::Key(key.to_string())),
                    _ => Abs::any(),
                }
            }
            ExprKind::Attribute(object, name) => {
                let object = self.peek(frame, object);
                match object.is {
                    Is::Receiver => self.root(name, Shape::Any),
                    _ => Self::part(&object, &Step::Attribute(name.to_string()), Shape::Any),
                }
            }
            ExprKind::Named(_, value) => self.peek(frame, value),
            ExprKind::Call(callee, args) => match (&callee.kind, &**args) {
                (ExprKind::Attribute(object, method), [Arg::Positional(key), ..]) if &**method == "get" => {
                    let object = self.peek(frame, object);
                    match &key.kind {
                        ExprKind::Str(key) => self.peek_at(&object, key, &Step::Get(key.to_string())),
                        _ => Abs::any(),
                    }
                }
                _ => Abs::any(),
            },
            _ => Abs::any(),
        }
    }

    fn peek_at(&self, object: &Abs, key: &str, step: &Step) -> Abs {
        match object.is {
            Is::Context => of_context(key),
            Is::Params | Is::Conf => {
                self.given_root(key, matches!(object.is, Is::Conf)).map_or_else(Abs::any, Abs::rooted)
            }
            _ => Self::part(object, step, Shape::Any),
        }
    }

    /// What an annotation says, with the classes of the tree looked into.
    pub(super) fn annotation(&self, frame: &Frame, expr: &Expr) -> Shape {
        self.declared(frame.scope, expr, 3)
    }

    pub(super) fn declared(&self, scope: ScopeRef, expr: &Expr, depth: usize) -> Shape {
        let shape = shape::annotation(expr);
        let named = match &shape {
            Shape::Named(name) if depth > 0 => name,
            _ => return shape,
        };
        match self.run.find_name(scope, named) {
            Some(Value::Object(class)) => self.of_class(class, depth - 1).unwrap_or(shape),
            _ => shape,
        }
    }
}

fn same_name(a: &Expr, b: &Expr) -> bool {
    matches!((&a.kind, &b.kind), (ExprKind::Name(a), ExprKind::Name(b)) if a == b)
}

impl Abs {
    /// A list or dict of a module, as it was when that was loaded.
    fn loaded_with(self, shape: Shape) -> Self {
        Self { loaded: Some(Rc::new(Loaded { holder: "".into(), shape, open: true })), ..self }
    }

    /// What a name of a module, or of a class, holds.
    fn held_by(self, name: &Name) -> Self {
        let known = self.loaded.as_deref().map(|loaded| (loaded.shape.clone(), loaded.open));
        let (shape, open) = known.unwrap_or_else(|| (self.shape.clone(), false));
        let loaded = Some(Rc::new(Loaded { holder: name.clone(), shape, open }));
        Self { giver: Some(name.clone()), loaded, ..self }
    }

    /// Whether it was asked for by `get`.
    fn may_be_nothing(&self) -> bool {
        self.of.iter().any(Alt::may_be_nothing)
    }

    pub(super) fn plain_text(&self) -> Option<Rc<str>> {
        match &self.is {
            Is::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// What a task's context holds under a key.
pub(super) fn of_context(key: &str) -> Abs {
    match key {
        "ti" | "task_instance" => Abs::special(Is::Ti),
        "params" => Abs::special(Is::Params),
        "dag_run" => Abs::special(Is::DagRun),
        _ => Abs::any(),
    }
}

/// Whether it is a type that JSON has no form for, and no name for a key.
pub(super) fn is_moment(name: &str) -> bool {
    matches!(name, "datetime" | "date" | "time" | "timedelta" | "Decimal" | "UUID")
}

/// The types that `isinstance` is asked for.
fn type_names(expr: &Expr) -> Option<BTreeSet<String>> {
    match &expr.kind {
        ExprKind::Tuple(items) | ExprKind::List(items) => {
            items.iter().map(type_names).collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect())
        }
        ExprKind::Binary(first, rest) => {
            let mut all = type_names(first)?;
            for (_, other) in rest {
                all.extend(type_names(other)?);
            }
            Some(all)
        }
        _ => last_name(expr).map(|name| BTreeSet::from([name.to_owned()])),
    }
}
