/* Golden.java -- bytes and values of Kafka messages, by Kafka's own message classes.
 *
 * For each API, side and version that is served: an object of the generated class is filled by
 * reflection along the schema of that version, written by the class itself, and told as text.
 * README.md says what the files look like. Values depend on a counter alone, so that a second run
 * writes the same files, and each number uses all of its bytes.
 */
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class Golden {
    /* What is served: name of the file, constant of ApiMessageType, versions. */
    static final Object[][] APIS = {
        { "produce", ApiMessageType.PRODUCE, 3, 11 },
        { "fetch", ApiMessageType.FETCH, 4, 13 },
        { "list_offsets", ApiMessageType.LIST_OFFSETS, 1, 7 },
        { "metadata", ApiMessageType.METADATA, 0, 12 },
        { "offset_commit", ApiMessageType.OFFSET_COMMIT, 2, 9 },
        { "offset_fetch", ApiMessageType.OFFSET_FETCH, 1, 9 },
        { "find_coordinator", ApiMessageType.FIND_COORDINATOR, 0, 6 },
        { "join_group", ApiMessageType.JOIN_GROUP, 0, 9 },
        { "heartbeat", ApiMessageType.HEARTBEAT, 0, 4 },
        { "leave_group", ApiMessageType.LEAVE_GROUP, 0, 5 },
        { "sync_group", ApiMessageType.SYNC_GROUP, 0, 5 },
        { "describe_groups", ApiMessageType.DESCRIBE_GROUPS, 0, 6 },
        { "list_groups", ApiMessageType.LIST_GROUPS, 0, 5 },
        { "api_versions", ApiMessageType.API_VERSIONS, 0, 4 },
        { "create_topics", ApiMessageType.CREATE_TOPICS, 2, 7 },
        { "delete_topics", ApiMessageType.DELETE_TOPICS, 1, 6 },
        { "delete_records", ApiMessageType.DELETE_RECORDS, 0, 2 },
        { "init_producer_id", ApiMessageType.INIT_PRODUCER_ID, 0, 5 },
        { "offset_for_leader_epoch", ApiMessageType.OFFSET_FOR_LEADER_EPOCH, 2, 4 },
        { "describe_configs", ApiMessageType.DESCRIBE_CONFIGS, 1, 4 },
        { "create_partitions", ApiMessageType.CREATE_PARTITIONS, 0, 3 },
        { "delete_groups", ApiMessageType.DELETE_GROUPS, 0, 2 },
        { "incremental_alter_configs", ApiMessageType.INCREMENTAL_ALTER_CONFIGS, 0, 1 },
        { "offset_delete", ApiMessageType.OFFSET_DELETE, 0, 0 },
        { "describe_cluster", ApiMessageType.DESCRIBE_CLUSTER, 0, 2 },
    };

    enum Case { UNSET, FRESH, FULL, NULL, HOLES, TAGS, LONG }

    static long counter;

    /* ---- filling ---- */

    static long next() {
        return ++counter * 0x9E3779B97F4A7C15L;
    }

    static Method method(Class<?> c, String prefix, String field, int parameters) {
        String want = (prefix + field).replace("_", "");
        for (Method m : c.getMethods())
            if (m.getName().equalsIgnoreCase(want) && m.getParameterCount() == parameters)
                return m;
        throw new IllegalStateException(c + " has no " + want);
    }

    static Type element(Type t) {
        return t.arrayElementType().orElse(null);
    }

    static String text(Case kind) {
        long n = next();
        if (kind == Case.LONG)
            return "x".repeat(130);
        return (n & 7) == 0 ? "\u00e9\"\\" + counter : "t" + counter;
    }

    static byte[] blob(Case kind) {
        byte[] b = new byte[kind == Case.LONG ? 300 : 1 + (int) (counter % 5)];
        for (int i = 0; i < b.length; i++)
            b[i] = (byte) (next() >>> 56);
        return b;
    }

    static Object scalar(Class<?> c, Case kind, boolean tagged) {
        if (c == boolean.class)
            return tagged || (next() & 1) != 0;
        if (c == byte.class || c == Byte.class)
            return (byte) (next() >>> 56);
        if (c == short.class || c == Short.class)
            return (short) (next() >>> 48);
        if (c == int.class || c == Integer.class)
            return (int) (next() >>> 32);
        if (c == long.class || c == Long.class)
            return next();
        if (c == String.class)
            return text(kind);
        if (c == Uuid.class)
            return new Uuid(next(), next());
        if (c == byte[].class)
            return blob(kind);
        if (c == ByteBuffer.class)
            return ByteBuffer.wrap(blob(kind));
        if (BaseRecords.class.isAssignableFrom(c))
            return MemoryRecords.readableRecords(ByteBuffer.wrap(blob(kind)));
        throw new IllegalStateException("no value for " + c);
    }

    @SuppressWarnings("unchecked")
    static Object list(Method setter, Type of, Case kind) throws Exception {
        Class<?> c = setter.getParameterTypes()[0];
        Collection<Object> list;
        Class<?> element;
        if (c == List.class) {
            list = new ArrayList<>();
            element = (Class<?>) ((ParameterizedType) setter.getGenericParameterTypes()[0])
                .getActualTypeArguments()[0];
        } else { /* FooCollection, of Foo */
            list = (Collection<Object>) c.getDeclaredConstructor().newInstance();
            element = c.getClassLoader().loadClass(c.getName().replaceAll("Collection$", ""));
        }
        int count = kind == Case.FULL || kind == Case.TAGS ? 2 : 1;
        if (kind == Case.LONG)
            count = of instanceof Schema ? 1 : 130;
        for (int i = 0; i < count; i++) {
            if (!(of instanceof Schema)) {
                list.add(scalar(element, kind == Case.LONG ? Case.FULL : kind, false));
                continue;
            }
            Object o = element.getDeclaredConstructor().newInstance();
            fill(o, (Schema) of, kind);
            list.add(o);
        }
        return list;
    }

    static void field(Object o, String name, Type type, Case kind, boolean tagged)
        throws Exception {
        if (kind == Case.FRESH && !(element(type) instanceof Schema))
            return;
        Method setter = method(o.getClass(), "set", name, 1);
        Class<?> c = setter.getParameterTypes()[0];
        boolean hole = kind == Case.HOLES && element(type) == null;
        if ((kind == Case.NULL || hole) && type.isNullable())
            setter.invoke(o, new Object[] { null });
        else if (element(type) != null)
            setter.invoke(o, list(setter, element(type), kind));
        else if (type instanceof Schema) {
            Object inner = c.getDeclaredConstructor().newInstance();
            fill(inner, (Schema) type, kind);
            setter.invoke(o, inner);
        } else
            setter.invoke(o, scalar(c, kind, tagged));
    }

    static void fill(Object o, Schema schema, Case kind) throws Exception {
        if (kind == Case.UNSET)
            return;
        for (BoundField f : schema.fields()) {
            if (!(f.def.type instanceof TaggedFields)) {
                field(o, f.def.name, f.def.type, kind, false);
                continue;
            }
            for (Field t : ((TaggedFields) f.def.type).fields().values())
                field(o, t.name, t.type, kind, true);
            if (kind == Case.TAGS) {
                List<RawTaggedField> raw = ((Message) o).unknownTaggedFields();
                raw.add(new RawTaggedField(100, new byte[0]));
                raw.add(new RawTaggedField(70000, new byte[] { 1, 2, 3 }));
            }
        }
    }

    /* ---- telling ---- */

    static String hex(ByteBuffer b) {
        StringBuilder s = new StringBuilder();
        for (int i = b.position(); i < b.limit(); i++)
            s.append(String.format("%02x", b.get(i)));
        return s.toString();
    }

    static String quoted(String text) {
        StringBuilder s = new StringBuilder("\"");
        for (byte b : text.getBytes(StandardCharsets.UTF_8))
            if (b < 0x20 || b > 0x7e || b == '"' || b == '\\')
                s.append(String.format("\\%02x", b));
            else
                s.append((char) b);
        return s.append('"').toString();
    }

    static String told(Object v, Type type) throws Exception {
        if (v == null)
            return "null";
        if (v instanceof String)
            return quoted((String) v);
        if (v instanceof byte[])
            return "x" + hex(ByteBuffer.wrap((byte[]) v));
        if (v instanceof ByteBuffer)
            return "x" + hex((ByteBuffer) v);
        if (v instanceof MemoryRecords)
            return "x" + hex(((MemoryRecords) v).buffer());
        if (v instanceof Uuid) {
            Uuid u = (Uuid) v;
            return String.format("#%016x%016x", u.getMostSignificantBits(),
                                 u.getLeastSignificantBits());
        }
        if (v instanceof Collection) {
            List<String> all = new ArrayList<>();
            for (Object e : (Collection<?>) v)
                all.add(told(e, element(type)));
            return "[" + String.join(",", all) + "]";
        }
        return type instanceof Schema ? tell(v, (Schema) type) : v.toString();
    }

    static String tell(Object o, Schema schema) throws Exception {
        List<String> all = new ArrayList<>();
        for (BoundField f : schema.fields()) {
            if (f.def.type instanceof TaggedFields)
                for (Field t : ((TaggedFields) f.def.type).fields().values())
                    all.add(t.name + ":" + told(method(o.getClass(), "", t.name, 0).invoke(o), t.type));
            else
                all.add(f.def.name + ":"
                        + told(method(o.getClass(), "", f.def.name, 0).invoke(o), f.def.type));
        }
        return "{" + String.join(",", all) + "}";
    }

    /* ---- files ---- */

    static String written(Message m, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer b = ByteBuffer.allocate(m.size(cache, version));
        m.write(new ByteBufferAccessor(b), cache, version);
        b.flip();
        return hex(b);
    }

    static boolean flexible(Schema s) {
        for (BoundField f : s.fields())
            if (f.def.type instanceof TaggedFields)
                return true;
        return false;
    }

    /* Lines of one case; what is as in the version before is "=". */
    static void one(StringBuilder out, Map<String, String> before, String side, int version,
                    Case kind, ApiMessage m, Schema schema) throws Exception {
        String name = kind.toString().toLowerCase();
        if (kind == Case.TAGS && !flexible(schema))
            return;
        counter = 0;
        fill(m, schema, kind);
        String bytes = written(m, (short) version), values = tell(m, schema), key = side + name;
        out.append(side + " " + version + " " + name + "\n");
        out.append((bytes.equals(before.put(key + "b", bytes)) ? "=" : bytes) + "\n");
        if (kind != Case.TAGS) /* its values are those of FULL */
            out.append((values.equals(before.put(key + "v", values)) ? "=" : values) + "\n");
    }

    interface Made {
        ApiMessage get();
    }

    static void side(StringBuilder out, String side, int first, int last, Made made,
                     Schema[] schemas) throws Exception {
        Map<String, String> before = new HashMap<>();
        for (int v = first; v <= last; v++)
            for (Case kind : Case.values())
                if (kind != Case.LONG || v == last)
                    one(out, before, side, v, kind, made.get(), schemas[v]);
    }

    static void file(Path folder, String name, StringBuilder text) throws IOException {
        Files.write(folder.resolve(name + ".txt"), text.toString().getBytes(StandardCharsets.UTF_8));
    }

    public static void main(String[] words) throws Exception {
        Path folder = Path.of(words[0]);
        for (Object[] api : APIS) {
            StringBuilder out = new StringBuilder();
            ApiMessageType type = (ApiMessageType) api[1];
            side(out, "request", (int) api[2], (int) api[3], type::newRequest, type.requestSchemas());
            side(out, "response", (int) api[2], (int) api[3], type::newResponse,
                 type.responseSchemas());
            file(folder, (String) api[0], out);
        }
        StringBuilder out = new StringBuilder();
        side(out, "request", 1, 2, RequestHeaderData::new, RequestHeaderData.SCHEMAS);
        side(out, "response", 0, 1, ResponseHeaderData::new, ResponseHeaderData.SCHEMAS);
        file(folder, "header", out);
    }
}
