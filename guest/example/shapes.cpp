// An example in C++: new and delete, virtual functions, a template and doubles.
// The output's first two words are the sum of all areas in thousandths, the third is the number of shapes.
#include <hallmark.h>
#include <new>

namespace {

class Shape {
public:
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

class Rectangle final : public Shape {
public:
    Rectangle(double width, double height) : width_(width), height_(height) {}
    double area() const override { return width_ * height_; }

private:
    double width_, height_;
};

class Circle final : public Shape {
public:
    explicit Circle(double radius) : radius_(radius) {}
    double area() const override { return 3.141592653589793 * radius_ * radius_; }

private:
    double radius_;
};

// A growing array that owns what it points to.
template <class T>
class Owned {
public:
    ~Owned() {
        for (unsigned i = 0; i < size_; i++) delete items_[i];
        delete[] items_;
    }
    void add(T* item) {
        if (size_ == room_) {
            room_ = room_ == 0 ? 4 : 2 * room_;
            T** larger = new T*[room_];
            for (unsigned i = 0; i < size_; i++) larger[i] = items_[i];
            delete[] items_;
            items_ = larger;
        }
        items_[size_++] = item;
    }
    unsigned size() const { return size_; }
    T** begin() { return items_; }
    T** end() { return items_ + size_; }

private:
    T** items_ = nullptr;
    unsigned size_ = 0, room_ = 0;
};

}  // namespace

// The input: for each shape a byte, 'r' with two 32-bit numbers or 'c' with one, in tenths.
int main() {
    Owned<Shape> shapes;
    while (hallmark_input_left() != 0) {
        switch (hallmark_read_u8()) {
            case 'r': {
                const double width = hallmark_read_u32() / 10.0;
                shapes.add(new Rectangle(width, hallmark_read_u32() / 10.0));
                break;
            }
            case 'c':
                shapes.add(new Circle(hallmark_read_u32() / 10.0));
                break;
            default:
                hallmark_panic("a shape is 'r' or 'c'");
        }
    }
    double sum = 0;
    for (const Shape* shape : shapes) sum += shape->area();
    hallmark_printf("%u shapes, %.3f in all\n", shapes.size(), sum);
    const uint64_t thousandths = static_cast<uint64_t>(sum * 1000 + 0.5);
    const uint32_t output[8] = {static_cast<uint32_t>(thousandths), static_cast<uint32_t>(thousandths >> 32), shapes.size()};
    hallmark_exit(output);
}
