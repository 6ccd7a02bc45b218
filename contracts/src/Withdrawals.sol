// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Pays out what has left the rollup. Each batch has a Merkle tree of its messages, the root of which its proof binds.
abstract contract Withdrawals {
    error ClaimedAlready(uint64 batch, uint64 index);
    error NoSuchMessage(uint64 batch, uint64 index);
    error PaymentRefused(address to, uint256 amount);

    event WithdrawalClaimed(uint64 indexed batch, uint64 indexed index, address indexed to, uint256 amount);
    event Funded(address indexed from, uint256 amount);

    mapping(uint64 => mapping(uint64 => bool)) public claimed;

    /// The message root of an executed batch; reverts for any other.
    function _messageRoot(uint64 batch) internal view virtual returns (bytes32);

    /// Pay message `index` of a batch to whom it names, once. `path` has the neighbours on the way to the root.
    function claimWithdrawal(uint64 batch, uint64 index, address payable to, uint256 amount, bytes32[] calldata path)
        external
    {
        bytes32 root = _messageRoot(batch);
        if (claimed[batch][index]) revert ClaimedAlready(batch, index);
        // A leaf has 52 bytes and an inner node 64: neither can be shown as the other.
        bytes32 node = keccak256(abi.encodePacked(to, amount));
        uint64 place = index;
        for (uint256 i = 0; i < path.length; i++) {
            node = keccak256(place & 1 == 0 ? abi.encode(node, path[i]) : abi.encode(path[i], node));
            place >>= 1;
        }
        if (place != 0 || node != root) revert NoSuchMessage(batch, index);
        claimed[batch][index] = true;
        emit WithdrawalClaimed(batch, index, to, amount);
        (bool paid,) = to.call{value: amount}("");
        if (!paid) revert PaymentRefused(to, amount);
    }

    /// Back balances that the rollup's genesis gave out.
    function fund() external payable {
        emit Funded(msg.sender, msg.value);
    }
}
