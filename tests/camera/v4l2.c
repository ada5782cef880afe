/* A camera without hardware: stands in for /dev/video0 in the program that it is preloaded into.
 *
 * The program opens, asks and maps as ever; what would go to the kernel's V4L2 driver is answered here. The device is a
 * memfd, so that mmap works on it. The picture is a grey pattern that moves with each frame, and the frame's number is
 * in it as a bar code, so that a test can tell frames apart.
 *
 * What it answers is what UVC webcams answer and nokhwa (through the v4l crate) asks; anything else is ENOTTY, as from a
 * driver that lacks it. One device, opened once at a time; calls come from one thread at a time.
 *
 * Built and used as README.md says.  The interface: linux/videodev2.h and the kernel's V4L2 documentation.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "/dev/video0"
#define MOST_BUFFERS 16

static const struct { unsigned width, height; } sizes[] = {{640, 480}, {1280, 720}, {1920, 1080}};
static const unsigned rates[] = {30, 15};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the camera's state ---- */

static struct {
    int fd; /* of the memfd that the program holds; -1 while closed */
    unsigned width, height, fps;
    unsigned buffers;        /* how many the program asked for */
    size_t buffer_size;      /* bytes of each, a multiple of a page */
    unsigned char *memory;   /* all of them */
    unsigned queue[MOST_BUFFERS], queued; /* those the program has handed over, oldest first */
    bool streaming;
    unsigned frame;          /* number of the next frame */
    struct timespec due;     /* when it is captured */
    long vanish_after;       /* frames until the cable is pulled; 0: never */
} camera = {.fd = -1, .width = 640, .height = 480, .fps = 30};

/* ---- controls ---- */

static struct control {
    unsigned id;
    const char *name;
    int type, minimum, maximum, step, initial, value;
} controls[] = {
    {V4L2_CID_BRIGHTNESS, "Brightness", V4L2_CTRL_TYPE_INTEGER, 0, 255, 1, 128, 128},
    {V4L2_CID_GAIN, "Gain", V4L2_CTRL_TYPE_INTEGER, 0, 100, 1, 0, 0},
    {V4L2_CID_EXPOSURE_AUTO, "Auto Exposure", V4L2_CTRL_TYPE_MENU, 0, 3, 1, 3, 3},
    {V4L2_CID_EXPOSURE_ABSOLUTE, "Exposure Time, Absolute", V4L2_CTRL_TYPE_INTEGER, 3, 2047, 1, 250, 250},
    {V4L2_CID_PAN_ABSOLUTE, "Pan, Absolute", V4L2_CTRL_TYPE_INTEGER, -36000, 36000, 3600, 0, 0},
    {V4L2_CID_TILT_ABSOLUTE, "Tilt, Absolute", V4L2_CTRL_TYPE_INTEGER, -36000, 36000, 3600, 0, 0},
    {V4L2_CID_FOCUS_ABSOLUTE, "Focus, Absolute", V4L2_CTRL_TYPE_INTEGER, 0, 250, 5, 0, 0},
    {V4L2_CID_FOCUS_AUTO, "Focus, Automatic Continuous", V4L2_CTRL_TYPE_BOOLEAN, 0, 1, 1, 1, 1},
    {V4L2_CID_ZOOM_ABSOLUTE, "Zoom, Absolute", V4L2_CTRL_TYPE_INTEGER, 100, 500, 1, 100, 100},
};

static struct control *control_by_id(unsigned id) {
    for (unsigned i = 0; i < COUNT(controls); i++)
        if (controls[i].id == id) return &controls[i];
    return NULL;
}

/* The control with the least id above `id`: how a program walks through them all. */
static struct control *control_after(unsigned id) {
    struct control *next = NULL;
    for (unsigned i = 0; i < COUNT(controls); i++)
        if (controls[i].id > id && (!next || controls[i].id < next->id)) next = &controls[i];
    return next;
}

static struct control *control_asked(unsigned id) {
    bool next = id & V4L2_CTRL_FLAG_NEXT_CTRL;
    unsigned plain = id & ~(V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND);
    return next ? control_after(plain) : control_by_id(plain);
}

static int fail(int error) {
    errno = error;
    return -1;
}

/* 0, or the errno of a value that can't be. */
static int control_check(const struct control *control, int value) {
    if (!control) return EINVAL;
    return value < control->minimum || value > control->maximum ? ERANGE : 0;
}

static int query_control(struct v4l2_queryctrl *asked) {
    struct control *control = control_asked(asked->id);
    if (!control) return fail(EINVAL);
    *asked = (struct v4l2_queryctrl){
        .id = control->id, .type = control->type, .minimum = control->minimum,
        .maximum = control->maximum, .step = control->step, .default_value = control->initial,
    };
    snprintf((char *)asked->name, sizeof asked->name, "%s", control->name);
    return 0;
}

static int query_ext_control(struct v4l2_query_ext_ctrl *asked) {
    struct control *control = control_asked(asked->id);
    if (!control) return fail(EINVAL);
    *asked = (struct v4l2_query_ext_ctrl){
        .id = control->id, .type = control->type, .minimum = control->minimum, .maximum = control->maximum,
        .step = control->step, .default_value = control->initial, .elem_size = 4, .elems = 1,
    };
    snprintf(asked->name, sizeof asked->name, "%s", control->name);
    return 0;
}

static int query_menu(struct v4l2_querymenu *asked) {
    if (asked->id != V4L2_CID_EXPOSURE_AUTO) return fail(EINVAL);
    if (asked->index != V4L2_EXPOSURE_MANUAL && asked->index != V4L2_EXPOSURE_APERTURE_PRIORITY)
        return fail(EINVAL);
    bool manual = asked->index == V4L2_EXPOSURE_MANUAL;
    snprintf((char *)asked->name, sizeof asked->name, "%s", manual ? "Manual Mode" : "Aperture Priority Mode");
    return 0;
}

static int get_control(struct v4l2_control *asked) {
    struct control *control = control_by_id(asked->id);
    if (!control) return fail(EINVAL);
    asked->value = control->value;
    return 0;
}

static int set_control(struct v4l2_control *asked) {
    struct control *control = control_by_id(asked->id);
    int error = control_check(control, asked->value);
    if (error) return fail(error);
    control->value = asked->value;
    return 0;
}

static int ext_controls(unsigned long request, struct v4l2_ext_controls *asked) {
    for (unsigned i = 0; i < asked->count; i++) {
        struct v4l2_ext_control *one = &asked->controls[i];
        struct control *control = control_by_id(one->id);
        bool get = request == VIDIOC_G_EXT_CTRLS;
        int error = get ? (control ? 0 : EINVAL) : control_check(control, one->value);
        if (error) {
            asked->error_idx = i;
            return fail(error);
        }
        if (get) one->value = control->value;
        if (request == VIDIOC_S_EXT_CTRLS) control->value = one->value;
    }
    return 0;
}

/* ---- formats: YUYV in three sizes and two rates ---- */

static void tell_format(struct v4l2_pix_format *format) {
    format->width = camera.width;
    format->height = camera.height;
    format->pixelformat = V4L2_PIX_FMT_YUYV;
    format->field = V4L2_FIELD_NONE;
    format->bytesperline = camera.width * 2;
    format->sizeimage = camera.width * camera.height * 2;
    format->colorspace = V4L2_COLORSPACE_SRGB;
}

static int capability(struct v4l2_capability *asked) {
    *asked = (struct v4l2_capability){
        .driver = "sigma-test", .card = "Sigma Test Camera", .bus_info = "test:0", .version = 0x060000,
        .device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT,
    };
    asked->capabilities = asked->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int enum_format(struct v4l2_fmtdesc *asked) {
    if (asked->index > 0) return fail(EINVAL);
    asked->pixelformat = V4L2_PIX_FMT_YUYV;
    asked->flags = 0;
    snprintf((char *)asked->description, sizeof asked->description, "YUYV 4:2:2");
    return 0;
}

static int enum_size(struct v4l2_frmsizeenum *asked) {
    if (asked->index >= COUNT(sizes) || asked->pixel_format != V4L2_PIX_FMT_YUYV) return fail(EINVAL);
    asked->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    asked->discrete.width = sizes[asked->index].width;
    asked->discrete.height = sizes[asked->index].height;
    return 0;
}

static int enum_rate(struct v4l2_frmivalenum *asked) {
    if (asked->index >= COUNT(rates)) return fail(EINVAL);
    asked->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    asked->discrete = (struct v4l2_fract){1, rates[asked->index]};
    return 0;
}

/* A size that isn't offered leaves the format as it is, as the interface asks for. */
static int set_format(struct v4l2_format *asked, bool really) {
    for (unsigned i = 0; really && i < COUNT(sizes); i++) {
        if (sizes[i].width != asked->fmt.pix.width || sizes[i].height != asked->fmt.pix.height) continue;
        camera.width = sizes[i].width;
        camera.height = sizes[i].height;
    }
    tell_format(&asked->fmt.pix);
    return 0;
}

static int parameters(struct v4l2_streamparm *asked, bool set) {
    struct v4l2_fract *frame = &asked->parm.capture.timeperframe;
    if (set && frame->numerator && frame->denominator) camera.fps = frame->denominator / frame->numerator;
    if (camera.fps == 0) camera.fps = 30;
    asked->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    *frame = (struct v4l2_fract){1, camera.fps};
    return 0;
}

/* ---- buffers and frames ---- */

static int request_buffers(int fd, struct v4l2_requestbuffers *asked) {
    if (asked->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    if (camera.memory) munmap(camera.memory, camera.buffer_size * camera.buffers);
    camera.memory = NULL;
    camera.queued = 0;
    if (asked->count > MOST_BUFFERS) asked->count = MOST_BUFFERS;
    asked->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
    camera.buffers = asked->count;
    if (camera.buffers == 0) return 0;
    camera.buffer_size = (camera.width * camera.height * 2 + 4095) & ~(size_t)4095;
    size_t all = camera.buffer_size * camera.buffers;
    if (ftruncate(fd, all)) return -1;
    void *memory = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return -1;
    camera.memory = memory;
    return 0;
}

static void describe_buffer(struct v4l2_buffer *buffer, unsigned index) {
    buffer->index = index;
    buffer->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer->memory = V4L2_MEMORY_MMAP;
    buffer->length = camera.buffer_size;
    buffer->bytesused = camera.width * camera.height * 2;
    buffer->m.offset = index * camera.buffer_size;
    buffer->field = V4L2_FIELD_NONE;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
}

static int query_buffer(struct v4l2_buffer *asked) {
    if (asked->index >= camera.buffers) return fail(EINVAL);
    describe_buffer(asked, asked->index);
    return 0;
}

static int queue_buffer(struct v4l2_buffer *given) {
    if (given->index >= camera.buffers || camera.queued == MOST_BUFFERS) return fail(EINVAL);
    camera.queue[camera.queued++] = given->index;
    return 0;
}

/* Grey that runs to the left by four pixels a frame, coloured by place; in the top eighth the frame number as 16 bars,
 * most significant bit first, white is 1. */
static void draw(unsigned char *pixels) {
    int brightness = control_by_id(V4L2_CID_BRIGHTNESS)->value;
    for (unsigned y = 0; y < camera.height; y++) {
        for (unsigned x = 0; x < camera.width; x += 2) {
            unsigned char *pair = pixels + (y * camera.width + x) * 2;
            bool bars = y < camera.height / 8;
            unsigned bit = camera.frame >> (15 - x * 16 / camera.width) & 1;
            unsigned grey = bars ? (bit ? 235 : 16) : 16 + ((x + camera.frame * 4) & 127) * brightness / 128 % 220;
            pair[0] = pair[2] = grey;
            pair[1] = bars ? 128 : 112 + (y & 31);
            pair[3] = bars ? 128 : 144 - (x & 31);
        }
    }
}

static int dequeue_buffer(struct v4l2_buffer *taken) {
    if (!camera.streaming) return fail(EINVAL);
    if (camera.vanish_after && camera.frame >= camera.vanish_after) return fail(ENODEV);
    if (camera.queued == 0) return fail(EAGAIN);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &camera.due, NULL);
    unsigned index = camera.queue[0];
    memmove(camera.queue, camera.queue + 1, --camera.queued * sizeof *camera.queue);
    draw(camera.memory + index * camera.buffer_size);
    describe_buffer(taken, index);
    taken->sequence = camera.frame++;
    taken->timestamp.tv_sec = camera.due.tv_sec;
    taken->timestamp.tv_usec = camera.due.tv_nsec / 1000;
    camera.due.tv_nsec += 1000000000 / camera.fps;
    if (camera.due.tv_nsec >= 1000000000) {
        camera.due.tv_sec += 1;
        camera.due.tv_nsec -= 1000000000;
    }
    return 0;
}

static int stream(bool on) {
    camera.streaming = on;
    if (on) clock_gettime(CLOCK_MONOTONIC, &camera.due);
    else camera.queued = 0;
    return 0;
}

/* ---- what the kernel would do ---- */

static int answer(int fd, unsigned long request, void *arg) {
    /* The number is 32 bits; callers sign-extend it or don't. */
    switch ((unsigned)request) {
    case (unsigned)VIDIOC_QUERYCAP: return capability(arg);
    case (unsigned)VIDIOC_ENUM_FMT: return enum_format(arg);
    case (unsigned)VIDIOC_ENUM_FRAMESIZES: return enum_size(arg);
    case (unsigned)VIDIOC_ENUM_FRAMEINTERVALS: return enum_rate(arg);
    case (unsigned)VIDIOC_G_FMT: return set_format(arg, false);
    case (unsigned)VIDIOC_TRY_FMT: return set_format(arg, false);
    case (unsigned)VIDIOC_S_FMT: return set_format(arg, true);
    case (unsigned)VIDIOC_G_PARM: return parameters(arg, false);
    case (unsigned)VIDIOC_S_PARM: return parameters(arg, true);
    case (unsigned)VIDIOC_QUERYCTRL: return query_control(arg);
    case (unsigned)VIDIOC_QUERY_EXT_CTRL: return query_ext_control(arg);
    case (unsigned)VIDIOC_QUERYMENU: return query_menu(arg);
    case (unsigned)VIDIOC_G_CTRL: return get_control(arg);
    case (unsigned)VIDIOC_S_CTRL: return set_control(arg);
    case (unsigned)VIDIOC_G_EXT_CTRLS: return ext_controls(VIDIOC_G_EXT_CTRLS, arg);
    case (unsigned)VIDIOC_S_EXT_CTRLS: return ext_controls(VIDIOC_S_EXT_CTRLS, arg);
    case (unsigned)VIDIOC_TRY_EXT_CTRLS: return ext_controls(VIDIOC_TRY_EXT_CTRLS, arg);
    case (unsigned)VIDIOC_REQBUFS: return request_buffers(fd, arg);
    case (unsigned)VIDIOC_QUERYBUF: return query_buffer(arg);
    case (unsigned)VIDIOC_QBUF: return queue_buffer(arg);
    case (unsigned)VIDIOC_DQBUF: return dequeue_buffer(arg);
    case (unsigned)VIDIOC_STREAMON: return stream(true);
    case (unsigned)VIDIOC_STREAMOFF: return stream(false);
    default: return fail(ENOTTY);
    }
}

/* ---- the calls that are taken over ---- */

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static int open_camera(void) {
    if (camera.fd >= 0) return fail(EBUSY);
    const char *vanish = getenv("SIGMA_TEST_CAMERA_VANISH");
    camera.vanish_after = vanish ? atol(vanish) : 0;
    camera.fd = memfd_create("sigma-test-camera", MFD_CLOEXEC);
    return camera.fd;
}

static bool is_camera(int fd) { return fd >= 0 && fd == camera.fd; }

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (strcmp(path, DEVICE) == 0) return open_camera();
    int (*real)(const char *, int, ...) = next("open");
    return real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (strcmp(path, DEVICE) == 0) return open_camera();
    int (*real)(const char *, int, ...) = next("open64");
    return real(path, flags, mode);
}

int close(int fd) {
    if (is_camera(fd)) camera.fd = -1;
    int (*real)(int) = next("close");
    return real(fd);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *arg = va_arg(rest, void *);
    va_end(rest);
    if (is_camera(fd)) return answer(fd, request, arg);
    int (*real)(int, unsigned long, ...) = next("ioctl");
    return real(fd, request, arg);
}

/* The v4l crate that nokhwa uses calls ioctl by number. */
long syscall(long number, ...) {
    long arg[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) arg[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_ioctl && is_camera(arg[0])) return answer(arg[0], arg[1], (void *)arg[2]);
    long (*real)(long, ...) = next("syscall");
    return real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* A listing of /dev is one of a folder that holds an empty file `video0`. */
DIR *opendir(const char *path) {
    DIR *(*real)(const char *) = next("opendir");
    const char *folder = getenv("SIGMA_TEST_CAMERA_DEV");
    bool dev = strcmp(path, "/dev") == 0 || strcmp(path, "/dev/") == 0;
    return real(folder && dev ? folder : path);
}
