"""What can go wrong with a device, each with its remedy."""

from __future__ import annotations

from runtime.errors import HallmarkError, ResourceError, Retry


class DeviceError(HallmarkError):
    """The compute device cannot be used."""

    code = "device"
    default_remedy = "`hallmark devices` shows what is there; HALLMARK_DEVICE=cpu proves without a device."


class NoDevice(DeviceError):
    """There is no such CUDA device."""

    code = "device_missing"


class DeviceLost(DeviceError):
    """The device failed and its context is lost; the process must end and be started again."""

    code = "device_lost"
    default_remedy = "The supervisor restarts the process. When it happens again, look for Xid lines in the system log."
    retry = Retry.AT_ONCE
    ends_process = True


class DriverTooOld(DeviceError):
    """The driver is older than the kernels were compiled for."""

    code = "driver_too_old"
    default_remedy = "Update the NVIDIA driver, or build the kernels with an older compiler (`make cuda`)."


class KernelsMissing(DeviceError):
    """The compiled kernels are missing or were made from other sources."""

    code = "kernels_missing"
    default_remedy = "Run `make cuda`; workers never compile."


class KernelsCorrupt(DeviceError):
    """A file of compiled kernels does not match its checksum."""

    code = "kernels_corrupt"
    default_remedy = "Run `make cuda`; it builds the damaged file again."


class KernelBuildError(DeviceError):
    """The compiler refused the kernels."""

    code = "kernel_build"
    default_remedy = "See the compiler's message; HALLMARK_NVCC names another compiler."


class SelfTestFailed(DeviceError):
    """The device computes something else than the published vectors say."""

    code = "device_self_test"
    default_remedy = "Take the device out of service and report device, driver and commit."
    retry = Retry.LATER


class LaunchRefused(DeviceError):
    """A kernel was launched wrongly, or its threads diverged at a barrier: a bug of the kernels."""

    code = "kernel_launch"
    default_remedy = "Report it with the sentence above."


class DeviceOutOfMemory(ResourceError):
    """The device's memory budget is spent."""

    code = "device_out_of_memory"
    default_remedy = "Lower HALLMARK_SIZE_CLASS, raise the device memory budget, or end other processes on the device."
