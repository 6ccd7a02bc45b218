// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVerifier, PublicInputs} from "./IVerifier.sol";
import {Owned} from "./Owned.sol";
import {PriorityQueue} from "./PriorityQueue.sol";
import {Withdrawals} from "./Withdrawals.sol";

/// A rollup on L1: batches are committed, proven and executed, each step in the order of their numbers.
///
/// A proof's public inputs are computed here, from storage. Whoever sends a transaction names the hash of the batch that
/// it is about; that hash covers every batch before it and this deployment, so a transaction that was made for another
/// history (a fork of L1, another contract, batches since reverted) changes nothing.
contract Executor is Owned, PriorityQueue, Withdrawals {
    /// What a validator says of a new batch; everything else about it the contract knows.
    struct Batch {
        uint64 number;
        uint64 timestamp;
        bytes32 newRoot;
        bytes32 contentHash;
        uint64 requests; // of the priority queue, the next ones
        bytes32 messageRoot;
        bytes stateDiffs;
    }

    /// What is kept of a committed batch.
    struct StoredBatch {
        bytes32 hash;
        bytes32 output;
        bytes32 root;
        uint64 timestamp;
        uint64 requests; // taken by this batch and those before it
        bytes32 messageRoot;
    }

    /// What every proof must be about.
    struct Rules {
        IVerifier verifier;
        uint32 protocolVersion;
        bytes32 programCommitment;
        bytes32 keySetDigest;
    }

    /// Rules and the first batch that they are for; they end where the next ones begin.
    struct Upgrade {
        uint64 firstBatch;
        uint64 notBefore; // what is committed to earlier stays with the rules before
        Rules rules;
    }

    error NotValidator(address caller);
    error DataNotInTransaction();
    error NotAbandoned();
    error UnexpectedBatch(uint64 expected, uint64 given);
    error BatchNotCommitted(uint64 number);
    error BatchNotProven(uint64 number);
    error BatchNotExecuted(uint64 number);
    error BatchExecutedAlready(uint64 number);
    error HashMismatch(bytes32 computed, bytes32 given);
    error TimestampEarlier(uint64 previous, uint64 given);
    error TimestampTooFarAhead(uint64 latest, uint64 given);
    error ProofRefused(uint64 number);
    error UnusualCalldata();
    error VerifierOfOtherKind(bool insecureTest);
    error ProtocolVersionNotLater(uint32 current, uint32 given);
    error FirstBatchNotLater(uint64 least, uint64 given);
    error TooManyAnnounced();

    event BatchCommitted(uint64 indexed number, bytes32 indexed hash, bytes32 output);
    event BatchProven(uint64 indexed number, bytes32 indexed hash);
    event BatchExecuted(uint64 indexed number, bytes32 indexed hash, bytes32 root);
    event BatchesReverted(uint64 indexed last, bytes32 indexed hash);
    event RulesChanged(
        uint64 indexed firstBatch,
        uint64 notBefore,
        address verifier,
        uint32 protocolVersion,
        bytes32 programCommitment,
        bytes32 keySetDigest
    );
    event ValidatorChanged(address indexed validator, bool allowed);

    /// Seconds by which a batch may be ahead of L1's clock.
    uint64 public constant MAX_AHEAD = 1 hours;

    /// Rules that may wait for their first batch at a time, so that no committing or proving has to pass many of them.
    uint256 public constant MAX_ANNOUNCED = 8;

    /// Seconds from an announcement of rules to the first batch that is committed to under them.
    uint64 public immutable leastNotice;

    /// The rollup's chain id.
    uint64 public immutable rollupChainId;

    uint64 public committed;
    uint64 public proven;
    uint64 public executed;
    mapping(address => bool) public isValidator;
    mapping(uint64 => StoredBatch) private _batches;
    /// In the order of their first batches.
    Upgrade[] private _upgrades;

    modifier onlyValidator() {
        if (!isValidator[msg.sender]) revert NotValidator(msg.sender);
        _;
    }

    constructor(
        address owner_,
        address validator,
        uint64 chainId,
        bytes32 genesisRoot,
        uint64 genesisTimestamp,
        Rules memory first,
        uint64 leastNotice_
    ) Owned(owner_) {
        rollupChainId = chainId;
        leastNotice = leastNotice_;
        bytes32 hash = keccak256(abi.encode(block.chainid, address(this), chainId, genesisRoot, genesisTimestamp));
        _batches[0] = StoredBatch(hash, 0, genesisRoot, genesisTimestamp, 0, 0);
        emit BatchExecuted(0, hash, genesisRoot);
        _addRules(first, 1, 0);
        isValidator[validator] = true;
        emit ValidatorChanged(validator, true);
    }

    /// Whether this deployment takes proofs under keys that their maker could forge with.
    function insecureTest() public pure virtual returns (bool) {
        return false;
    }

    /// What is kept of batch `number`.
    function storedBatch(uint64 number) public view returns (StoredBatch memory) {
        if (number > committed) revert BatchNotCommitted(number);
        return _batches[number];
    }

    /// The state root that L1 acts on: that of the newest executed batch.
    function stateRoot() external view returns (bytes32) {
        return _batches[executed].root;
    }

    /// Commit to the next batch, and publish the accounts that it changed. `hash` is what its stored hash must become.
    function commitBatch(Batch calldata batch, bytes32 hash) external onlyValidator {
        _requireUsual(abi.encodeCall(this.commitBatch, (batch, hash)));
        _commit(batch, hash);
    }

    function _commit(Batch calldata batch, bytes32 hash) private {
        _requirePublished();
        StoredBatch storage previous = _batches[committed];
        if (batch.number != committed + 1) revert UnexpectedBatch(committed + 1, batch.number);
        if (batch.timestamp < previous.timestamp) revert TimestampEarlier(previous.timestamp, batch.timestamp);
        uint64 latest = uint64(block.timestamp) + MAX_AHEAD;
        if (batch.timestamp > latest) revert TimestampTooFarAhead(latest, batch.timestamp);
        bytes32 output = keccak256(
            abi.encode(
                rollupChainId,
                batch.number,
                batch.timestamp,
                previous.root,
                batch.newRoot,
                keccak256(abi.encode(batch.contentHash, keccak256(batch.stateDiffs))),
                _queueHash(previous.requests, batch.requests),
                batch.messageRoot
            )
        );
        _requireHash(keccak256(abi.encode(previous.hash, output)), hash);
        _batches[batch.number] = StoredBatch(
            hash, output, batch.newRoot, batch.timestamp, previous.requests + batch.requests, batch.messageRoot
        );
        _keepNotice(batch.number);
        committed = batch.number;
        emit BatchCommitted(batch.number, hash, output);
    }

    /// Prove the batches after the newest proven one, up to `last`, one proof each. `hash` is the stored hash of `last`.
    function proveBatches(uint64 last, bytes32 hash, bytes[] calldata proofs) external onlyValidator {
        _requireUsual(abi.encodeCall(this.proveBatches, (last, hash, proofs)));
        if (proofs.length == 0 || last != proven + proofs.length) revert UnexpectedBatch(proven + 1, last);
        _requireHash(storedBatch(last).hash, hash);
        for (uint256 i = 0; i < proofs.length; i++) _prove(proofs[i]);
    }

    /// Take the proof of the batch after the newest proven one.
    function _prove(bytes calldata proof) private {
        uint64 number = ++proven;
        StoredBatch storage batch = _batches[number];
        Rules memory current = rulesOf(number);
        PublicInputs memory inputs =
            PublicInputs(current.programCommitment, current.keySetDigest, current.protocolVersion, batch.output);
        if (!current.verifier.verify(inputs, proof)) revert ProofRefused(number);
        emit BatchProven(number, batch.hash);
    }

    /// Act on proven batches up to `last`. `hash` is the stored hash of `last`.
    function executeBatches(uint64 last, bytes32 hash) external onlyValidator {
        _requireUsual(abi.encodeCall(this.executeBatches, (last, hash)));
        if (last <= executed) revert BatchExecutedAlready(last);
        if (last > proven) revert BatchNotProven(last);
        _requireHash(_batches[last].hash, hash);
        _execute(last);
    }

    function _execute(uint64 last) private {
        for (uint64 number = executed + 1; number <= last; number++) {
            emit BatchExecuted(number, _batches[number].hash, _batches[number].root);
        }
        executed = last;
    }

    /// Take back every batch after `last` that is not executed, proven or not. `hash` is the stored hash of `last`.
    function revertBatches(uint64 last, bytes32 hash) external onlyValidator {
        _requireUsual(abi.encodeCall(this.revertBatches, (last, hash)));
        if (last < executed) revert BatchExecutedAlready(executed);
        _requireHash(storedBatch(last).hash, hash);
        committed = last;
        if (proven > last) proven = last;
        emit BatchesReverted(last, hash);
    }

    /// Whether everybody may continue the rollup: a request that no executed batch has taken is long overdue.
    function abandoned() public view returns (bool) {
        return _isLate(_batches[executed].requests, ABANDONED_SECONDS);
    }

    /// Continue an abandoned rollup by one batch after the newest executed one, proven and executed at once; what waits
    /// in between is dropped. Anybody may, and like every batch it must take the overdue requests. `hash` is what its
    /// stored hash must become.
    function continueAbandoned(Batch calldata batch, bytes32 hash, bytes calldata proof) external {
        _requireUsual(abi.encodeCall(this.continueAbandoned, (batch, hash, proof)));
        if (!abandoned()) revert NotAbandoned();
        if (committed != executed) emit BatchesReverted(executed, _batches[executed].hash);
        committed = executed;
        proven = executed;
        _commit(batch, hash);
        _prove(proof);
        _execute(batch.number);
    }

    /// Change what proofs must be about, from batch `firstBatch` on, which nobody has committed to: batches before it are
    /// proven as they were made. What was announced and has not begun is replaced where it would begin at `firstBatch` or
    /// later, or has no earlier version. Batches that are committed to within the least notice stay with the rules that
    /// they had, and the change comes after them, so that the rollup goes on meanwhile and everybody can leave it.
    function setRules(Rules calldata next, uint64 firstBatch) external onlyOwner {
        if (firstBatch <= committed) revert FirstBatchNotLater(committed + 1, firstBatch);
        Upgrade storage last = _upgrades[_upgrades.length - 1];
        while (
            _upgrades.length > 1 && last.firstBatch > committed
                && (last.firstBatch >= firstBatch || last.rules.protocolVersion >= next.protocolVersion)
        ) {
            _upgrades.pop();
            last = _upgrades[_upgrades.length - 1];
        }
        uint32 current = last.rules.protocolVersion;
        if (next.protocolVersion <= current) revert ProtocolVersionNotLater(current, next.protocolVersion);
        uint256 count = _upgrades.length;
        if (count >= MAX_ANNOUNCED && _upgrades[count - MAX_ANNOUNCED].firstBatch > committed) revert TooManyAnnounced();
        _addRules(next, firstBatch, uint64(block.timestamp) + leastNotice);
    }

    /// What the proof of batch `number` must be about; of one that is not committed to: were it so now.
    function rulesOf(uint64 number) public view returns (Rules memory) {
        uint256 index = _upgrades.length - 1;
        bool open = number > committed;
        while (
            index > 0
                && (_upgrades[index].firstBatch > number || (open && _upgrades[index].notBefore > block.timestamp))
        ) index--;
        return _upgrades[index].rules;
    }

    /// Move rules whose notice has not ended behind a batch that is committed to now. Those are the last ones, as times
    /// rise with the announcements; the first rules have none.
    function _keepNotice(uint64 number) private {
        if (leastNotice == 0) return;
        for (uint256 i = _upgrades.length - 1; _upgrades[i].notBefore > block.timestamp; i--) {
            if (_upgrades[i].firstBatch <= number) _upgrades[i].firstBatch = number + 1;
        }
    }

    /// All rules with their first batches, those that were announced included.
    function upgrades() external view returns (Upgrade[] memory) {
        return _upgrades;
    }

    /// Allow or forbid an address to send batches.
    function setValidator(address validator, bool allowed) external onlyOwner {
        isValidator[validator] = allowed;
        emit ValidatorChanged(validator, allowed);
    }

    function _messageRoot(uint64 batch) internal view override returns (bytes32) {
        if (batch > executed) revert BatchNotExecuted(batch);
        return _batches[batch].messageRoot;
    }

    function _addRules(Rules memory next, uint64 firstBatch, uint64 notBefore) private {
        bool kind = next.verifier.insecureTest();
        if (kind != insecureTest()) revert VerifierOfOtherKind(kind);
        _upgrades.push(Upgrade(firstBatch, notBefore, next));
        emit RulesChanged(
            firstBatch,
            notBefore,
            address(next.verifier),
            next.protocolVersion,
            next.programCommitment,
            next.keySetDigest
        );
    }

    function _requireHash(bytes32 computed, bytes32 given) private pure {
        if (computed != given) revert HashMismatch(computed, given);
    }

    /// Calldata must be that of the transaction, so that whoever reads L1's blocks finds it there: an account without
    /// code that pays for the transaction itself has no other way to call.
    function _requirePublished() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert DataNotInTransaction();
    }

    /// Calldata has one way to be written: what the decoder would read past or around is refused.
    function _requireUsual(bytes memory encoded) private pure {
        if (keccak256(encoded) != keccak256(msg.data)) revert UnusualCalldata();
    }
}
