//! Codes of verdicts and receipts, the same in `client/ledger`.

/// Declares the codes with their names, in order.
macro_rules! codes {
    ($($(#[$doc:meta])* $ident:ident = $code:literal, $name:literal;)*) => {
        $($(#[$doc])* pub const $ident: u32 = $code;)*

        /// Every code with its name.
        pub const ALL: &[(u32, &str)] = &[$(($code, $name)),*];
    };
}

codes! {
    /// Accepted, executed.
    OK = 0, "ok";
    /// Not the canonical encoding of a transaction.
    MALFORMED = 1, "malformed";
    /// Signed for another chain.
    WRONG_CHAIN = 2, "wrong_chain";
    /// A signature is not that of its key on the body.
    BAD_SIGNATURE = 3, "bad_signature";
    /// The operation's number is reserved: this module does not have it.
    UNKNOWN_OPERATION = 4, "unknown_operation";
    /// The state is being migrated: not now.
    MIGRATING = 5, "migrating";
    /// The nonce is not the account's next one (in `check`: is below it).
    BAD_NONCE = 10, "bad_nonce";
    /// The balance does not cover what the transaction may take, with what is
    /// queued before it (in `execute`: gas limit times price).
    INSUFFICIENT_FUNDS = 11, "insufficient_funds";
    /// The valid-until height has passed.
    EXPIRED = 12, "expired";
    /// The gas price is below the minimum.
    GAS_PRICE_TOO_LOW = 13, "gas_price_too_low";
    /// The gas limit is below what the transaction needs (in `execute`: below
    /// what is spent on it before anything is written).
    GAS_LIMIT_TOO_LOW = 14, "gas_limit_too_low";
    /// The gas limit is above what a transaction may have.
    GAS_LIMIT_TOO_HIGH = 15, "gas_limit_too_high";
    /// The transaction has more bytes, recipients or events than allowed.
    TOO_LARGE = 16, "too_large";
    /// The block has no gas or events left for it.
    BLOCK_FULL = 17, "block_full";
    /// Executed: the gas limit did not suffice. Charged.
    OUT_OF_GAS = 20, "out_of_gas";
    /// Executed: the balance does not cover amounts or deposit. Charged.
    INSUFFICIENT_BALANCE = 21, "insufficient_balance";
    /// Executed: there is no such record of this owner. Charged.
    NO_SUCH_RECORD = 22, "no_such_record";
    /// Executed: the record's key or value is longer than allowed. Charged.
    RECORD_TOO_LARGE = 23, "record_too_large";
    /// Query: the path is none.
    BAD_QUERY = 30, "bad_query";
    /// A consensus key or identity is no key of its kind, or both are one.
    BAD_KEY = 40, "bad_key";
    /// The proof of possession of a BLS key does not verify.
    BAD_POSSESSION = 41, "bad_possession";
    /// The identity's own signature does not verify.
    BAD_CONSENT = 42, "bad_consent";
    /// Who signed may not do this: not the owner, delegate, identity, or not
    /// enough keys of the authority.
    NOT_AUTHORIZED = 43, "not_authorized";
    /// There is no validator of that name, or it has left.
    NO_SUCH_VALIDATOR = 44, "no_such_validator";
    /// What the transaction expects is no longer so (compare-and-swap).
    STALE = 45, "stale";
    /// An identity or consensus key that is or was another's, or the same one's.
    KEY_USED = 46, "key_used";
    /// The validator's status does not allow it.
    WRONG_STATUS = 47, "wrong_status";
    /// It comes into the set only once it is ready.
    NOT_READY = 48, "not_ready";
    /// Fewer than four validators would remain, or none.
    TOO_FEW_VALIDATORS = 49, "too_few_validators";
    /// There is no room for another validator or candidate.
    TOO_MANY_VALIDATORS = 50, "too_many_validators";
    /// A second newcomer in one epoch.
    ONE_NEWCOMER = 51, "one_newcomer";
    /// Powers together are not below 2^32.
    POWER_OUT_OF_RANGE = 52, "power_out_of_range";
    /// A third of the power would have been rotated within the window, or it was
    /// rotated less than half of one ago, or not in the set twice in one for nothing.
    ROTATION_LIMIT = 53, "rotation_limit";
    /// A third of the power would be under maintenance.
    MAINTENANCE_LIMIT = 54, "maintenance_limit";
    /// A lease that ends before the block or too long after it.
    BAD_LEASE = 55, "bad_lease";
    /// A parameter out of its bounds, or one that the authority could not undo.
    BAD_PARAMETER = 56, "bad_parameter";
    /// An upgrade is scheduled already.
    ALREADY_SCHEDULED = 57, "already_scheduled";
    /// Nothing, or another module, is scheduled.
    NOT_SCHEDULED = 58, "not_scheduled";
    /// The window begins too soon or is too long, or the module runs already.
    BAD_SCHEDULE = 59, "bad_schedule";
    /// It would change nothing (a repeat).
    NOTHING_TO_DO = 60, "nothing_to_do";
}

const _: () = assert!(MIGRATING == bedrock_sdk::MIGRATING);

/// The name of a code.
pub fn name(code: u32) -> &'static str {
    ALL.iter().find(|(known, _)| *known == code).map_or("unknown", |(_, name)| name)
}
