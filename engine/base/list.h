/* list.h -- an intrusive doubly linked list; a zeroed node is in no list. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct node {
    struct node *next, *prev;
};

/* The anchor links to itself when empty; list_init() before first use. */
struct list {
    struct node head;
};

static inline void list_init(struct list *l)
{
    l->head.next = l->head.prev = &l->head;
}
static inline bool list_empty(const struct list *l)
{
    return l->head.next == &l->head;
}
static inline bool node_linked(const struct node *n)
{
    return n->next != NULL;
}

static inline void node_between(struct node *n, struct node *prev, struct node *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

static inline void list_push(struct list *l, struct node *n)
{
    node_between(n, l->head.prev, &l->head);
}
static inline void list_push_front(struct list *l, struct node *n)
{
    node_between(n, &l->head, l->head.next);
}

static inline void node_unlink(struct node *n)
{
    if (!n->next)
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = NULL;
}

static inline struct node *list_first(const struct list *l)
{
    return list_empty(l) ? NULL : l->head.next;
}

static inline struct node *list_pop(struct list *l)
{
    struct node *n = list_first(l);
    if (n)
        node_unlink(n);
    return n;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_move(struct list *to, struct list *from)
{
    struct node *n;
    while ((n = list_pop(from)))
        list_push(to, n);
}

#define list_each(l, n)                                                          \
    for (struct node *n = (l)->head.next, *n##_next_ = n->next; n != &(l)->head; \
         n = n##_next_, n##_next_ = n->next)

#endif
