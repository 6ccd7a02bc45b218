// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What L1 asks of the rollup: deposits, and withdrawals that nobody can leave out.
///
/// A request has a number, from 1 on, and a rolling hash: the hash of the rolling hash before it and what is asked. So
/// the rolling hashes before and after a batch's requests say which they are and in which order, whatever their number.
abstract contract PriorityQueue {
    /// What is kept of a request.
    struct Request {
        bytes32 rollingHash;
        uint64 includeBy;
    }

    error NothingToMove();
    error AddressOfNobody(address to);
    error RequestUnknown(uint64 number);
    error RequestOverdue(uint64 number);
    error TooManyRequests(uint64 most, uint64 given);

    event PriorityRequest(
        uint64 indexed number,
        uint8 kind,
        address indexed from,
        address indexed to,
        uint256 amount,
        uint64 includeBy,
        bytes32 rollingHash
    );

    /// Kinds of requests.
    uint8 public constant DEPOSIT = 1;
    uint8 public constant WITHDRAWAL = 2;

    /// What is sent to this address on the rollup leaves it. Nobody has its key.
    address public constant WITHDRAWAL_ADDRESS = address(0x4c31);

    /// Most requests in one batch; the program takes no more.
    uint64 public constant MAX_REQUESTS = 256;

    /// Seconds after which no batch may leave a request out.
    uint64 public constant INCLUSION_SECONDS = 1 days;

    /// Seconds after which a request that L1 has not seen executed lets everybody continue the rollup.
    uint64 public constant ABANDONED_SECONDS = 7 days;

    /// The number of the newest request.
    uint64 public requested;

    mapping(uint64 => Request) private _requests;

    /// Move the ether that comes along to an account of the rollup.
    function deposit(address to) external payable {
        if (to == address(0) || to == WITHDRAWAL_ADDRESS) revert AddressOfNobody(to);
        _request(DEPOSIT, to, msg.value);
    }

    /// Withdraw from the caller's account of the rollup to an address of L1. The account's nonce rises by one.
    function requestWithdrawal(address to, uint256 amount) external {
        if (to == address(0)) revert AddressOfNobody(to);
        _request(WITHDRAWAL, to, amount);
    }

    /// What is kept of request `number`; 0 stands for the time before the first.
    function request(uint64 number) public view returns (Request memory) {
        if (number > requested) revert RequestUnknown(number);
        return _requests[number];
    }

    function _request(uint8 kind, address to, uint256 amount) private {
        if (amount == 0) revert NothingToMove();
        bytes32 before = _requests[requested].rollingHash;
        bytes32 rollingHash = keccak256(abi.encodePacked(before, kind, msg.sender, to, amount));
        uint64 includeBy = uint64(block.timestamp) + INCLUSION_SECONDS;
        uint64 number = ++requested;
        _requests[number] = Request(rollingHash, includeBy);
        emit PriorityRequest(number, kind, msg.sender, to, amount, includeBy, rollingHash);
    }

    /// What a batch's proof must say of the `count` requests after request `done`: the hash of the rolling hashes around
    /// them, zero for none. A batch that leaves an overdue request out while it has room for it is refused.
    function _queueHash(uint64 done, uint64 count) internal view returns (bytes32) {
        if (count > MAX_REQUESTS) revert TooManyRequests(MAX_REQUESTS, count);
        if (count > requested - done) revert RequestUnknown(done + count);
        if (count < MAX_REQUESTS && _isLate(done + count, 0)) revert RequestOverdue(done + count + 1);
        if (count == 0) return 0;
        return keccak256(abi.encode(_requests[done].rollingHash, _requests[done + count].rollingHash));
    }

    /// Whether the request after request `done` is there and was to be included longer than `grace` seconds ago.
    function _isLate(uint64 done, uint64 grace) internal view returns (bool) {
        return done < requested && block.timestamp > uint256(_requests[done + 1].includeBy) + grace;
    }
}
