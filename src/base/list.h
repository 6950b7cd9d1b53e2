/*
 * An intrusive doubly linked list. A node that is in no list points at itself, so that
 * list_is_linked is always defined and removing twice does no harm.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>

#include "base/attr.h"

struct list {
	struct list *next;
	struct list *prev;
};

/* Walks the nodes; the body may not remove the current one. */
#define LIST_EACH(node, head)                                                                      \
	for (struct list *node = (head)->next; node != (head); node = node->next)
/* Walks the nodes; the body may remove the current one, and no other. */
#define LIST_EACH_SAFE(node, head)                                                                 \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)

static inline void list_init(struct list *node)
{
	node->next = node->prev = node;
}

static inline bool list_is_linked(const struct list *node)
{
	return node->next != node;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

static inline void list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_prepend(struct list *head, struct list *node)
{
	list_append(head->next, node);
}

/* Takes the first node out, or gives NULL. */
static inline struct list *list_pop(struct list *head)
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	list_remove(node);
	return node;
}

/* Moves all nodes of from to the end of to. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	from->prev->next = to;
	to->prev->next = from->next;
	to->prev = from->prev;
	list_init(from);
}

#endif
