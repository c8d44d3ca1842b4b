#include "parts.h"

int dial_and_talk(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	return fd;
}

int accept_and_talk(struct scene *s, int listener)
{
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	send_bytes(fd, s->reply);
	return fd;
}

void serve_next(struct scene *s, int listener)
{
	int fd = accept_one(listener);

	receive_bytes(fd, s->request);
	send_bytes(fd, s->reply);
	wait_for_end(fd);
	close(fd);
}

void serve_one(struct scene *s, int listener)
{
	int fd = accept_and_talk(s, listener);

	if (!s->server_closes_first)
		wait_for_end(fd);
	close(fd);
	close(listener);
}

void part_server(struct scene *s)
{
	serve_one(s, listen_at(s->addr, s->port));
}

void part_server_without_backlog(struct scene *s)
{
	struct sockaddr_storage at;
	socklen_t len = make_address(s->addr, s->port, &at);
	int listener = open_socket(s->addr);

	set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	must(bind(listener, (struct sockaddr *)&at, len) == 0);
	must(listen(listener, 0) == 0);
	serve_one(s, listener);
}

void part_client(struct scene *s)
{
	int fd = dial_and_talk(s);

	if (s->server_closes_first)
		wait_for_end(fd);
	close(fd);
}

void part_servers(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	cue_give(s, CUE_LISTENING);
	for (long i = 0; i < s->n_connections; i++)
		serve_next(s, listener);
	close(listener);
}

void part_clients(struct scene *s)
{
	cue_wait(s, CUE_LISTENING);
	for (long i = 0; i < s->n_connections; i++) {
		int fd = dial(s->addr, s->port);

		send_bytes(fd, s->request);
		receive_bytes(fd, s->reply);
		close(fd);
	}
}

void connect_often(long n_connections)
{
	struct scene *s = scene_new("127.0.0.1");
	pid_t server, client;

	s->n_connections = n_connections;
	s->request = s->reply = 1;
	server = actor_start("server", part_servers, s);
	client = actor_start("client", part_clients, s);
	actor_wait(client);
	actor_wait(server);
	scene_free(s);
}

void part_staying_client(struct scene *s)
{
	int fd = dial_and_talk(s);

	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	close(fd);
}

void part_attempt(struct scene *s)
{
	int fd = open_socket(s->addr);

	s->error = try_connect(fd, s->addr, s->port);
	close(fd);
}
