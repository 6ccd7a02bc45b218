// Counts the lines of its input. A proof says: whoever made it ran this program to its end, and got this number. The
// input itself is not part of the statement; a program that must bind it outputs its hash.
#include <assert.h>
#include <hallmark.h>

namespace {

class LineCounter {
public:
    void take(uint8_t byte) { lines_ += byte == '\n'; }
    uint32_t lines() const { return lines_; }

private:
    uint32_t lines_ = 0;
};

}  // namespace

int main() {
    const uint32_t bytes = hallmark_input_left();
    LineCounter counter;
    hallmark_cycles_begin("count");
    for (uint32_t i = 0; i < bytes; i++) counter.take(hallmark_read_u8());
    hallmark_cycles_end("count");
    assert(counter.lines() <= bytes);
    hallmark_printf("%u lines in %u bytes\n", counter.lines(), bytes);
    // What main returns is the first word of the public output.
    return static_cast<int>(counter.lines());
}
