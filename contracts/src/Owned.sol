// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// An owner who can hand the contract over in two steps, so that it cannot go to an address that nobody holds.
abstract contract Owned {
    error NotOwner(address caller);
    error NoOwner();

    event OwnershipOffered(address indexed from, address indexed to);
    event OwnershipTaken(address indexed owner);

    address public owner;
    address public offeredTo;

    constructor(address first) {
        if (first == address(0)) revert NoOwner();
        owner = first;
        emit OwnershipTaken(first);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// Offer ownership; nothing changes until it is taken. The zero address withdraws the offer.
    function offerOwnership(address to) external onlyOwner {
        offeredTo = to;
        emit OwnershipOffered(owner, to);
    }

    /// Take what was offered to the caller.
    function takeOwnership() external {
        if (msg.sender != offeredTo) revert NotOwner(msg.sender);
        owner = msg.sender;
        offeredTo = address(0);
        emit OwnershipTaken(msg.sender);
    }
}
