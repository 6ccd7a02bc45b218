#!/bin/sh
# Stands in for nvcc: writes a file per unit and target, and says what ptxas would. FAKE_NVCC_VERSION, FAKE_NVCC_CODES and
# FAKE_NVCC_FAIL steer it; every compilation leaves a line in FAKE_NVCC_LOG.
if [ "$1" = --version ]; then
  echo "Build ${FAKE_NVCC_VERSION:-one}"
  exit 0
fi
if [ "$1" = --list-gpu-code ]; then
  # shellcheck disable=SC2086
  printf '%s\n' ${FAKE_NVCC_CODES:-sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_103 sm_120}
  exit 0
fi
for argument in "$@"; do
  case $argument in
    -arch=*) target=${argument#-arch=} ;;
  esac
  if [ "$previous" = -o ]; then output=$argument; fi
  previous=$argument
done
echo "$output" >> "$FAKE_NVCC_LOG"
case $output in
  *"${FAKE_NVCC_FAIL:-nothing}"*) echo "error: refused" >&2; exit 1 ;;
esac
echo "$target $previous" > "$output"
case $target in
  sm_*)
    sed -n 's/.*__global__ void.* \([a-z0-9_]*\)(.*/\1/p; s/^    \([a-z0-9_]*\)(const.*/\1/p' "$previous" | while read -r kernel; do
      echo "ptxas info    : Compiling entry function '$kernel' for '$target'"
      echo "ptxas info    : Function properties for $kernel"
      echo "    0 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads"
      echo "ptxas info    : Used 1000 registers, used 0 barriers"
    done ;;
esac
