// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A validator that is a contract: it calls with what it was given, and hands on what a refusal returns.
contract Forwarder {
    function forward(address to, bytes calldata data) external {
        (bool done, bytes memory returned) = to.call(data);
        if (!done) {
            assembly {
                revert(add(returned, 32), mload(returned))
            }
        }
    }
}
