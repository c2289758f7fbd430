//! Random values of any Candid type.

use candid::Principal;
use candid::types::value::{IDLField, IDLValue, VariantValue};
use candid::types::{Field, Label, Type, TypeEnv, TypeInner};

/// Random number generator (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Small numbers, and those at which an encoding becomes longer.
    fn number(&mut self) -> u64 {
        let numbers = [0, 1, 127, 128, 255, 16_383, 16_384, 1 << 32, u64::MAX, self.next()];
        numbers[self.below(numbers.len())]
    }

    fn length(&mut self) -> usize {
        [0, 1, 2, 3, 40, 127, 128, 300][self.below(8)]
    }
}

/// A value of a type.
pub(crate) fn value(ty: &Type, random: &mut Random) -> IDLValue {
    match TypeEnv::new().trace_type(ty).unwrap().as_ref() {
        TypeInner::Null => IDLValue::Null,
        TypeInner::Bool => IDLValue::Bool(random.below(2) == 0),
        TypeInner::Nat => IDLValue::Nat(random.number().into()),
        TypeInner::Nat8 => IDLValue::Nat8(random.next() as u8),
        TypeInner::Nat16 => IDLValue::Nat16(random.next() as u16),
        TypeInner::Nat32 => IDLValue::Nat32(random.number() as u32),
        TypeInner::Nat64 => IDLValue::Nat64(random.number()),
        TypeInner::Int8 => IDLValue::Int8(random.next() as i8),
        TypeInner::Int16 => IDLValue::Int16(random.next() as i16),
        TypeInner::Int32 => IDLValue::Int32(random.next() as i32),
        TypeInner::Int64 => IDLValue::Int64(random.next() as i64),
        TypeInner::Float64 => IDLValue::Float64(random.number() as f64 / 3.0),
        TypeInner::Text => IDLValue::Text("aé\u{202e}z".chars().cycle().take(random.length()).collect()),
        TypeInner::Principal => IDLValue::Principal(Principal::from_slice(&[7; 29][..random.below(30)])),
        TypeInner::Opt(_) if random.below(2) == 0 => IDLValue::None,
        TypeInner::Opt(ty) => IDLValue::Opt(Box::new(value(ty, random))),
        TypeInner::Vec(ty) if matches!(ty.as_ref(), TypeInner::Nat8) => {
            IDLValue::Blob(vec![random.next() as u8; random.length()])
        }
        TypeInner::Vec(ty) => {
            let length = [0, 1, 2, 5][random.below(4)];
            IDLValue::Vec((0..length).map(|_| value(ty, random)).collect())
        }
        TypeInner::Record(fields) => {
            IDLValue::Record(fields.iter().map(|field| field_value(field, random)).collect())
        }
        TypeInner::Variant(cases) => {
            let at = random.below(cases.len());
            IDLValue::Variant(VariantValue(Box::new(field_value(&cases[at], random)), at as u64))
        }
        other => panic!("the contract has no {other:?}"),
    }
}

fn field_value(field: &Field, random: &mut Random) -> IDLField {
    IDLField { id: (*field.id).clone(), val: value(&field.ty, random) }
}

/// Returns the value as a program of another version may send it: optional fields omitted or no longer optional, and
/// unknown fields and cases added.
pub(crate) fn changed(value: IDLValue, random: &mut Random) -> IDLValue {
    match value {
        IDLValue::Opt(inner) if random.below(4) == 0 => changed(*inner, random),
        IDLValue::Opt(inner) => IDLValue::Opt(Box::new(changed(*inner, random))),
        IDLValue::None => [IDLValue::None, IDLValue::Null, IDLValue::Reserved][random.below(3)].clone(),
        IDLValue::Vec(items) => IDLValue::Vec(items.into_iter().map(|item| changed(item, random)).collect()),
        IDLValue::Record(fields) => {
            let fields =
                fields.into_iter().filter(|field| field.val != IDLValue::None || random.0.is_multiple_of(3));
            let mut fields: Vec<_> = fields
                .collect::<Vec<_>>()
                .into_iter()
                .map(|field| IDLField { id: field.id, val: changed(field.val, random) })
                .collect();
            if random.below(4) == 0 {
                let extra = [
                    IDLValue::Text("extra".into()),
                    IDLValue::Blob(vec![1; 20]),
                    IDLValue::Vec(vec![IDLValue::Null; 3]),
                    IDLValue::Record(vec![IDLField { id: Label::Id(1), val: IDLValue::Nat64(1) }]),
                    IDLValue::Opt(Box::new(IDLValue::Int(1.into()))),
                    IDLValue::Principal(Principal::management_canister()),
                ];
                let val = extra[random.below(extra.len())].clone();
                fields.push(IDLField { id: Label::Id(random.next() as u32), val });
            }
            IDLValue::Record(fields)
        }
        IDLValue::Variant(VariantValue(case, at)) => {
            let case = *case;
            let id = if random.below(20) == 0 { Label::Id(7) } else { case.id };
            IDLValue::Variant(VariantValue(Box::new(IDLField { id, val: changed(case.val, random) }), at))
        }
        IDLValue::Nat64(number) if random.below(40) == 0 => IDLValue::Nat(number.into()),
        value => value,
    }
}
