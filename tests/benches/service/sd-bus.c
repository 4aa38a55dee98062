/* The least that a service can do, in C: a method that returns a memfd.
 *
 * usage: sd-bus BUS-ADDRESS SOCKET      serves on both */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static int memory(sd_bus_message *call, void *data, sd_bus_error *error)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return -errno;
	int sent = sd_bus_reply_method_return(call, "h", fd);
	close(fd);
	return sent;
}

static const sd_bus_vtable methods[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Memory", "", "h", memory, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void check(int result)
{
	if (result < 0)
		exit(1);
}

static void serve(sd_bus *bus, sd_event *event)
{
	check(sd_bus_negotiate_fds(bus, 1));
	check(sd_bus_start(bus));
	check(sd_bus_add_object_vtable(bus, NULL, "/org/heapq/Bench1", "org.heapq.Bench1", methods, NULL));
	check(sd_bus_attach_event(bus, event, 0));
}

static int admit(sd_event_source *source, int listener, uint32_t events, void *event)
{
	sd_bus *peer;
	sd_id128_t id;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	check(fd);
	check(sd_id128_randomize(&id));
	check(sd_bus_new(&peer));
	check(sd_bus_set_fd(peer, fd, fd));
	check(sd_bus_set_server(peer, 1, id));
	serve(peer, event);
	return 0;
}

int main(int count, char **words)
{
	sd_event *event;
	sd_bus *bus;
	struct sockaddr_un place = { .sun_family = AF_UNIX };

	if (count != 3)
		return 2;
	check(sd_event_default(&event));
	strncpy(place.sun_path, words[2], sizeof place.sun_path - 1);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check(bind(listener, (struct sockaddr *)&place, sizeof place));
	check(listen(listener, 64));
	check(sd_event_add_io(event, NULL, listener, EPOLLIN, admit, event));
	check(sd_bus_new(&bus));
	check(sd_bus_set_address(bus, words[1]));
	check(sd_bus_set_bus_client(bus, 1));
	serve(bus, event);
	check(sd_bus_request_name(bus, "org.heapq.Bench1.Sdbus", 0));
	return sd_event_loop(event) < 0;
}
